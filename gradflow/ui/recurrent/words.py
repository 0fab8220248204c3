"""What the numbers of the page on recurrent networks say, in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gradflow.charts.recurrent.gate_histograms import format_opening
from gradflow.charts.theme import format_number, format_share
from gradflow.core.catalog import Cell, LossAt
from gradflow.core.histogram import FloatArray
from gradflow.core.recurrent.factors import PATHS, FactorCurve, GradientPath
from gradflow.core.recurrent.findings import (
    Break,
    GradientCourse,
    TimeFate,
    find_break,
    follow_gradient,
)
from gradflow.core.recurrent.report import STATE_SYMBOLS, State, TimeReport
from gradflow.core.text import N_, _

LAG = 100
"""How far back the page looks, if the sequence is that long."""
LEFT = 1e-3
"""Above, a gradient counts as still there."""
STEADY = 0.9
"""A factor per step below, or above the inverse, reaches the start of short sequences only."""
HIGHWAY = 0.97
"""Above, a mean gate counts as open."""
CELLS: dict[Cell, str] = {
    Cell.RNN_TANH: "tanh RNN",
    Cell.RNN_RELU: "ReLU RNN",
    Cell.LSTM: "LSTM",
    Cell.GRU: "GRU",
}
"""Short names."""
FATES: dict[TimeFate, str] = {
    TimeFate.VANISHES: N_("The gradient vanishes on its way back."),
    TimeFate.KEPT: N_("The gradient arrives."),
    TimeFate.EXPLODES: N_("The gradient explodes on its way back."),
    TimeFate.BROKEN: N_("The gradient breaks on its way back."),
}


def norm(state: State, step: str = "t") -> str:
    """‖∂L/∂h_t‖ in a sentence, as Markdown."""
    return rf"$\|\partial L/\partial {STATE_SYMBOLS[state]}_{{{step}}}\|$"


def written(state: State, step: str = "t") -> str:
    """∂L/∂h_t for plain text and figures."""
    return f"∂L/∂{STATE_SYMBOLS[state]}<sub>{step}</sub>"


def lag_of(report: TimeReport) -> int:
    """Steps back that sentences and tables speak of."""
    return min(LAG, report.length - 1)


def found(report: TimeReport, state: State, layer: int) -> tuple[GradientCourse, str]:
    """What becomes of the gradient, and sentences that say it."""
    one = follow_gradient(report, state, layer)
    texts = [f"**{fate(one)}**"]
    broke = find_break(report, state, layer)
    if broke and broke.forward:
        texts = [_breaks_forward(report, broke, state)]
    elif broke and broke.step == report.length:
        texts = [_("**There is no gradient:** even at the last step it is not a finite number.")]
    elif broke:
        text = _("Up to step {step} it is not a finite number: too large for {dtype}.")
        texts.append(text.format(step=broke.step, dtype=report.dtype))
    elif one.fate is TimeFate.BROKEN:
        texts = [_("**The gradient is exactly 0,** even at the last step.")]
    elif report.experiment.loss_at is LossAt.EVERY:
        texts = [_every(one, state)]
    if report.experiment.loss_at is LossAt.LAST and not math.isnan(one.factor):
        texts.append(_per_step(report, one, state, layer))
    if one.first > 1:
        text = _(
            "Before step {step} it is exactly 0: too small for {dtype}, or nothing leads back."
        )
        texts.append(text.format(step=one.first, dtype=report.dtype))
    if layer < report.experiment.network.layers:
        texts.append(_("The layers above hand gradient down at every step, which is in these "
                       "numbers."))  # fmt: skip
    return one, " ".join(texts)


def only_short(one: GradientCourse) -> bool:
    """Whether a gradient arrives only because the sequence is short."""
    return one.fate is TimeFate.KEPT and not STEADY <= one.factor <= 1 / STEADY


def fate(one: GradientCourse) -> str:
    """What becomes of a gradient, in a sentence."""
    if not only_short(one):
        return _(FATES[one.fate])
    if one.factor < 1:
        return _("The gradient fades on its way back, but the sequence is short enough.")
    return _("The gradient grows on its way back, but the sequence is short enough.")


def _breaks_forward(report: TimeReport, broke: Break, state: State) -> str:
    return _("**There is no gradient:** from step {step} on ${symbol}_t$ is not a finite number, "
             "too large for {dtype}, and the loss is {loss}.").format(
        step=broke.step, symbol=STATE_SYMBOLS[state], dtype=report.dtype, loss=format_number(report.loss)
    )  # fmt: skip


def _every(one: GradientCourse, state: State) -> str:
    return _(
        "**A loss at every step** feeds every step a gradient of its own, so {norm} cannot show "
        "what is lost on the way: at the first step it is {ratio} times that at the last. Ask for "
        "the loss at the last step to see what comes from far away."
    ).format(norm=norm(state), ratio=format_number(one.remaining, 2))


def _per_step(report: TimeReport, one: GradientCourse, state: State, layer: int) -> str:
    text = _("One step back multiplies {norm} by **{factor}** on average").format(
        norm=norm(state), factor=format_number(one.factor, 4)
    )
    if one.tenfold < report.length:
        text += (
            _(": a tenth is left after {steps} steps")
            if one.factor < 1
            else _(": ten times as much after {steps} steps")
        ).format(steps=format_number(one.tenfold, 2))
    lag = lag_of(report)
    left_over = report.remaining(lag, state, layer)
    if lag < 2 or not math.isfinite(left_over):
        return text + "."
    back = (
        _(". {lag} steps back **{left}** of it is left.")
        if one.factor < 1
        else _(". {lag} steps back it is **{left}** times as large.")
    )
    return text + back.format(left=format_number(left_over, 2), lag=lag)


def highway(report: TimeReport, layer: int) -> str:
    """How far the direct path through the gates reaches, beside the whole gradient."""
    row = report.experiment.network.row
    assert row.highway is not None
    mean = report.gate(row.highway, layer)
    state: State = "cell" if row.has_cell else "hidden"
    lag = lag_of(report)
    norms = report.column("direct_grad_norm", layer)
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = float(norms[-1 - lag] / norms[-1])
    name = next(gate.label for gate in row.gates if gate.code == row.highway)
    level = float(mean.mean())
    text = _("The {gate} is open by **{mean}** on average").format(
        gate=_(name), mean=format_opening(level)
    )
    if 0 < level < 1:
        text += _(
            ": on the direct path a tenth of the gradient is left after {steps} steps"
        ).format(steps=format_number(math.log(0.1) / math.log(level), 2))
    text += _(", a highway.") if level > HIGHWAY else "."
    text += " " + _("{lag} steps back the product of the gates leaves **{direct}**").format(
        lag=lag, direct=format_opening(direct)
    )
    if report.experiment.loss_at is LossAt.LAST:
        whole = report.remaining(lag, state, layer)
        text += _(", all paths together **{whole}**").format(whole=format_number(whole, 2))
        if whole == 0 < direct:
            text += _(" (too small for {dtype})").format(dtype=report.dtype)
    return text + "."


def compared(reports: Mapping[Cell, TimeReport]) -> list[tuple[str, State, TimeReport]]:
    """Every cell with its hidden state, the LSTM with its cell state too."""
    rows: list[tuple[str, State, TimeReport]] = []
    for cell, report in reports.items():
        has_cell = report.experiment.network.row.has_cell
        rows.append((f"{CELLS[cell]} (h)" if has_cell else CELLS[cell], "hidden", report))
        if has_cell:
            rows.append((f"{CELLS[cell]} (c)", "cell", report))
    return rows


def left(report: TimeReport, state: State, layer: int) -> FloatArray:
    """‖∂L/∂s_{T−k}‖ / ‖∂L/∂s_T‖ for k from 0 to T − 1."""
    norms = report.column(f"{state}_grad_norm", layer)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: FloatArray = norms[::-1] / norms[-1]
    return ratios


def verdict(rows: list[tuple[str, State, TimeReport]], layer: int) -> str:
    """Which cells still have gradient."""
    lag = lag_of(rows[0][2])
    shares = {name: report.remaining(lag, state, layer) for name, state, report in rows}
    alive = [name for name, left_over in shares.items() if LEFT < left_over <= 1 / LEFT]
    wild = [name for name, left_over in shares.items() if left_over > 1 / LEFT]
    text = (
        _("**{lag} steps back, {names} still have gradient.**")
        if len(alive) > 1
        else _("**{lag} steps back, only {names} still has gradient.**")
        if alive
        else _("**{lag} steps back, nothing useful is left in any of them.**")
    ).format(lag=lag, names=_listed(alive))
    if wild:
        text += " " + _("It explodes in {names}.").format(names=_listed(wild))
    dead = [name for name, left_over in shares.items() if left_over <= LEFT]
    if dead:
        text += " " + _("Less than {least} of it is left in {names}.").format(
            least=format_number(LEFT), names=_listed(dead)
        )
    return text


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + _(" and ") + names[-1]


def breaks(
    rows: list[tuple[str, State, TimeReport]], layer: int
) -> tuple[list[tuple[str, int]], str]:
    """The cells whose numbers break, with steps back from the loss, and sentences that say it."""
    places, texts, back = [], [], []
    for name, state, report in rows:
        one = find_break(report, state, layer)
        if one is None:
            continue
        distance = report.length - one.step
        places.append((name, distance))
        if one.forward:
            text = _(
                "**{name}** breaks on its way forward: from step {step} on ${symbol}_t$ is not a "
                "finite number (too large for {dtype}), so there is no gradient."
            )
            known = {"name": name, "step": one.step, "symbol": STATE_SYMBOLS[state]}
            texts.append(text.format(dtype=report.dtype, **known))
        else:
            back.append(_("{name} ({distance} steps back)").format(name=name, distance=distance))
    if back:
        text = _("On its way back the gradient breaks, too large for {dtype}, in {names}.")
        texts.append(text.format(dtype=rows[0][2].dtype, names=_listed(back)))
    return places, " ".join(texts)


def cells_table(rows: list[tuple[str, State, TimeReport]], layer: int) -> pd.DataFrame:
    """Factor per step and what is left, for every cell."""
    table = []
    for name, state, report in rows:
        one = follow_gradient(report, state, layer)
        lags = [lag for lag in (10, 50, LAG) if lag < report.length] or [report.length - 1]
        table.append(
            {
                _("Cell"): name,
                _("Factor of one step back"): format_number(one.factor, 4),
                _("Steps for a factor of ten"): format_number(one.tenfold),
                **{
                    _("Left after {lag} steps").format(lag=lag): format_number(
                        report.remaining(lag, state, layer)
                    )
                    for lag in lags
                },
                _("Loss"): format_number(report.loss),
            }
        )
    return pd.DataFrame(table)


def factor_sentence(curve: FactorCurve) -> str:
    """Measured factor and what is left, for one kind of path."""
    known = curve.total[np.isfinite(curve.total) & (curve.total > 0)]
    mean = math.exp(float(np.log(known).mean())) if len(known) else math.nan
    text = (
        _("**{factor}** per step, **{product}** over {steps} steps")
        if curve.remaining[-1] > 0
        else _("**{factor}** per step, but after {last} steps nothing at all is left")
    ).format(
        factor=format_number(mean, 4),
        steps=len(curve.total),
        product=format_number(float(curve.remaining[-1]), 2),
        last=1 + len(known),
    )
    return text + _direct(curve)


def _direct(curve: FactorCurve) -> str:
    mean = float(curve.direct.mean())
    return {
        GradientPath.RESIDUAL: _("; direct path alone 1"),
        GradientPath.LSTM_CELL: _("; direct path alone {mean}, the mean forget gate"),
        GradientPath.IRNN: _("; no other path than the direct one, which is 1 for an active unit "
                             "and 0 for one that is off: {share} are active"),
        GradientPath.TANH_RNN: _("; there is no direct path"),
    }[curve.path].format(mean=format_number(mean), share=format_share(mean))  # fmt: skip


def path_title(curve: FactorCurve) -> str:
    """Its name."""
    return _(PATHS[curve.path].label)
