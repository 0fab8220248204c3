"""Plain sentences about the events in a chain; each names the number concerned."""

from __future__ import annotations

import math
from collections.abc import Callable

from gradflow.core.numbers import format_number
from gradflow.core.teaching.chain import ChainRun, Event, Term, Trouble
from gradflow.core.text import _
from gradflow.ui.latex import write_number, write_product, write_summand


def describe_event(run: ChainRun, event: Event) -> str:
    """Describe an event and what it means, as Markdown."""
    return _SENTENCES[event.trouble](run, event)


def _describe_zero_factor(_run: ChainRun, event: Event) -> str:
    is_slope = event.term is Term.SLOPE
    text = _(
        "**The gradient is exactly 0** from layer {i} back to the input, because ${factor} = 0$: "
        "one factor of 0 makes the whole product 0."
    )
    return text.format(
        i=event.index if is_slope else event.index - 1,
        factor=f"f'(z_{{{event.index}}})" if is_slope else f"w_{{{event.index}}}",
    )


def _describe_underflow(run: ChainRun, event: Event) -> str:
    text = _(
        "**Underflow.** No factor is 0, but $g_{{{i}}}$ is closer to 0 than the smallest number "
        "of {dtype}, {smallest}, and becomes exactly 0."
    )
    return text.format(i=event.index, dtype=run.spec.dtype, smallest=format_number(run.range[0]))


def _describe_zero_error(_run: ChainRun, _event: Event) -> str:
    return _(
        "**The output equals the target**, so $\\partial L/\\partial h = 0$ and every gradient is "
        "0, whatever the factors are. Change the target to see them at work."
    )


def _describe_overflow(run: ChainRun, event: Event) -> str:
    name, terms = _TERMS[event.term](run, event.index)
    if math.isnan(event.value):
        text = _(
            "**Not a number.** ${name} = {terms}$ has no value (such as ∞ − ∞ or 0 · ∞) and "
            "becomes NaN, and so does whatever is computed from it."
        )
    else:
        text = _(
            "**Overflow.** ${name} = {terms}$ is beyond the largest number of {dtype}, {largest}, "
            "and becomes ${value}$. Whatever is computed from it is infinite, NaN or saturated."
        )
    return text.format(
        name=name,
        terms=terms,
        value=write_number(event.value),
        dtype=run.spec.dtype,
        largest=format_number(run.range[1]),
    )


_SENTENCES: dict[Trouble, Callable[[ChainRun, Event], str]] = {
    Trouble.OVERFLOW: _describe_overflow,
    Trouble.ZERO_FACTOR: _describe_zero_factor,
    Trouble.UNDERFLOW: _describe_underflow,
    Trouble.ZERO_ERROR: _describe_zero_error,
}


def _write_gradient(run: ChainRun, i: int) -> tuple[str, str]:
    if i == len(run.g):
        name = rf"g_{{{i}}} = \partial L/\partial h_{{{i + 1}}}\, f'(z_{{{i}}})"
        return name, write_product(run.error, run.slope[i - 1])
    name = f"g_{{{i}}} = g_{{{i + 1}}} w_{{{i + 1}}} f'(z_{{{i}}})"
    return name, write_product(run.g[i], run.w[i], run.slope[i - 1])


_TERMS: dict[Term, Callable[[ChainRun, int], tuple[str, str]]] = {
    Term.INPUT: lambda run, i: ("x", write_number(run.spec.input)),
    Term.TARGET: lambda run, i: ("t", write_number(run.spec.target)),
    Term.Z: lambda run, i: (
        f"z_{{{i}}} = w_{{{i}}} h_{{{i}}} + b_{{{i}}}",
        write_product(run.w[i - 1], run.h[i - 1]) + write_summand(run.b[i - 1]),
    ),
    Term.H: lambda run, i: (f"h_{{{i}}} = f(z_{{{i - 1}}})", f"f({write_number(run.z[i - 2])})"),
    Term.ERROR: lambda run, i: (
        rf"\partial L/\partial h_{{{len(run.h)}}} = h_{{{len(run.h)}}} - t",
        write_number(run.h[-1]) + write_summand(-run.target),
    ),
    Term.LOSS: lambda run, i: ("L", rf"\tfrac12 ({write_number(run.error)})^2"),
    Term.SLOPE: lambda run, i: (f"f'(z_{{{i}}})", f"f'({write_number(run.z[i - 1])})"),
    Term.G: _write_gradient,
    Term.WEIGHT_GRADIENT: lambda run, i: (
        rf"\partial L/\partial w_{{{i}}} = g_{{{i}}} h_{{{i}}}",
        write_product(run.g[i - 1], run.h[i - 1]),
    ),
}
"""Per quantity, its name with its equation, and the equation with the numbers put in."""
