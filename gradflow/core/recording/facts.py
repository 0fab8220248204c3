"""Recording of the facts about a pass: inputs, outputs, targets, and the kind of loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from gradflow.core.facts import Extent, Facts
from gradflow.core.recording.graph import find_wiring
from gradflow.core.recording.modules import OWN_ATTRIBUTES, find_tensors
from gradflow.core.recording.parameters import Parameters
from gradflow.core.recording.recorder import Recorder
from gradflow.core.recording.summary import NONE, Summaries, Summarizer
from gradflow.core.recording.tables import format_shape

_MOST_ENTRIES = 2**18
"""Of a larger tensor only the first samples are looked at."""
_MOST_NODES = 24
"""Nodes of the graph between loss and output that are looked at."""
_LOSSES = (
    ("BinaryCrossEntropyWithLogits", "bce_with_logits"),
    ("BinaryCrossEntropy", "bce"),
    ("SoftMarginLoss", "soft_margin"),
    ("MseLoss", "mse"),
    ("SmoothL1Loss", "l1"),
    ("HuberLoss", "l1"),
    ("L1Loss", "l1"),
)
_DIFFERENCES = {"PowBackward0": "mse", "AbsBackward0": "l1"}
"""Losses of a difference, written by hand or as PyTorch composes them, by a node of theirs."""
_LAST_STEPS = {
    "LogSoftmaxBackward0": "log_softmax",
    "SoftmaxBackward0": "softmax",
    "SigmoidBackward0": "sigmoid",
    "TanhBackward0": "tanh",
    "ReluBackward0": "relu",
}
_TAKES_SAMPLES = ("softmax", "log_softmax")
_OWN_STEPS = ("LogSoftmax", "BinaryCrossEntropyWithLogits")
"""What a loss does itself to what it is given."""
_FLAT_STEPS = {
    f"{name.capitalize()}Backward0": f"{name}()"
    for name in ("round", "sign", "floor", "ceil", "trunc")
}
"""Functions whose slope is 0 wherever it exists."""
_MOST_SEARCHED = 10_000
"""Nodes of the whole graph that are searched for them."""
_SHAPES_ONLY = ("View", "Squeeze", "Unsqueeze", "Reshape", "Alias", "ToCopy", "Transpose", "T")


@dataclass(frozen=True)
class FactTickets:
    """What was recorded of a pass, whose numbers are known once they are collected."""

    inputs: int
    outputs: int
    centred: int
    targets: int
    about: dict[str, Any]
    start: Any

    @classmethod
    def record(
        cls,
        inputs: Any,
        output: Any,
        targets: Any,
        loss: Tensor,
        summarizer: Summarizer,
        find_axis: Callable[[Tensor], int],
    ) -> FactTickets:
        """Record the first tensors with a fraction in ``inputs``, ``output`` and ``targets``.

        ``find_axis`` finds the axis of the samples.
        """

        def add(x: Tensor | None) -> int:
            if x is None or not x.numel():
                return NONE
            axis = find_axis(x)
            return summarizer.add_signal(_limit(x.detach(), axis), axis=axis)

        out = _find_first(output)
        target = targets if isinstance(targets, Tensor) else None
        axis = 0 if out is None else find_axis(out)
        few = None if out is None else _limit(out.detach(), axis)
        varies = few is not None and few.dim() > 0 and few.shape[axis] > 1
        return cls(
            add(_find_first(inputs)),
            add(out),
            NONE
            if few is None or not varies
            else summarizer.add_signal(few - few.mean(axis, keepdim=True), samples=False),
            add(target if target is not None and target.is_floating_point() else None),
            {
                **recognize_loss(loss, out),
                "output_shape": "" if out is None else format_shape(tuple(out.shape)),
                "target_shape": "" if target is None else format_shape(tuple(target.shape)),
            },
            loss.grad_fn,
        )

    def make_facts(
        self,
        parameters: Mapping[str, Tensor],
        measured: Parameters,
        recorder: Recorder,
        summaries: Summaries,
    ) -> Facts:
        """Make the facts from collected summaries."""
        (spread,) = summaries.get_column("rms", [self.centred])
        own = recorder.own_steps.list_ratios()
        is_lost = bool((measured.numbers["grad_zero"] == 1).any())
        return Facts(
            inputs=_read_extent(summaries, self.inputs),
            outputs=_read_extent(summaries, self.outputs),
            targets=_read_extent(summaries, self.targets),
            output_spread=float(spread),
            frozen=tuple(name for name, p in parameters.items() if not p.requires_grad),
            unlisted=tuple(list_unlisted(recorder.modules, parameters)),
            readers=recorder.ledger.list_readers(),
            batch_statistics=recorder.batch_statistics,
            flat_step=_find_flat_step(self.start) if is_lost else "",
            own_steps=own,
            **self._find_wiring(recorder),
            **self.about,
        )

    def _find_wiring(self, recorder: Recorder) -> dict[str, Any]:
        if self.start is None:
            return {}
        sequences = recorder.ledger.list_sequences()
        return find_wiring(self.start, sequences, recorder.find_streams())._asdict()


def recognize_loss(loss: Tensor, output: Tensor | None) -> dict[str, Any]:
    """Recognize the kind of loss by the graph between it and the output, as fields of ``Facts``.

    An activation that the loss function applies before a loss that has one itself counts as the
    output's last step.
    """
    end = None if output is None else output.grad_fn
    names, nodes, inner = set(), [loss.grad_fn], ("", "")
    compared: tuple[int, ...] = ()
    for _ in range(_MOST_NODES):
        node = nodes.pop(0) if nodes else None
        if node is None:
            break
        names.add(node.name())
        compared = max(compared, _read_shape(node), key=math.prod)
        nodes += [n for n, _index in node.next_functions if n is not None and n != end]
        if node.name().startswith(_OWN_STEPS) and node.next_functions[0][0] != end:
            inner = inner if inner[0] else _find_step(node.next_functions[0][0])
    last, before = inner if inner[0] else _find_step(end)
    return {
        "loss": _name_loss(names),
        "rescaled": any(name.startswith(("Mul", "Div", "Add")) for name in names),
        "last_step": last,
        "step_before": before,
        "compared_shape": format_shape(compared),
    }


def _name_loss(names: set[str]) -> str:
    for part, code in _LOSSES:
        if any(name.startswith(part) for name in names):
            return code
    if any(name.startswith("NllLoss") for name in names):
        if "LogSoftmaxBackward0" in names:
            return "cross_entropy"
        return "" if "LogBackward0" in names else "nll"  # of logarithms it is what it should be
    if "SubBackward0" in names and names & {"MeanBackward0", "SumBackward0"}:
        return next((code for node, code in _DIFFERENCES.items() if node in names), "")
    return ""


def _find_step(node: Any) -> tuple[str, str]:
    """Find the operation that made a tensor, and the ReLU before it if there is one."""
    node = _skip_shapes(node)
    step = "" if node is None else _LAST_STEPS.get(node.name(), "")
    if not step or step == "relu":
        return step, ""
    before = _skip_shapes(node.next_functions[0][0])
    is_cut_off = before is not None and _LAST_STEPS.get(before.name()) == "relu"
    if step in _TAKES_SAMPLES and node._saved_dim == 0 and len(_read_shape(node)) > 1:
        step = "softmax_of_samples"
    return step, "relu" if is_cut_off else ""


def _skip_shapes(node: Any) -> Any:
    """Go back over changes of the shape or format of a tensor."""
    for _ in range(4):
        if node is None or not node.name().removesuffix("Backward0").endswith(_SHAPES_ONLY):
            break
        node = node.next_functions[0][0]
    return node


def _read_shape(node: Any) -> tuple[int, ...]:
    """Read the shape of what a node made."""
    made = node._input_metadata
    return tuple(made[0].shape) if made else ()


def _find_flat_step(start: Any) -> str:
    """Find a function whose slope is 0 everywhere in the graph below a node."""
    nodes, seen = [start], {start}
    while nodes and len(seen) < _MOST_SEARCHED:
        node = nodes.pop()
        if node.name() in _FLAT_STEPS:
            return _FLAT_STEPS[node.name()]
        following = {n for n, _index in node.next_functions if n is not None} - seen
        seen |= following
        nodes += following
    return ""


def list_unlisted(
    modules: Mapping[str, nn.Module], parameters: Mapping[str, Tensor]
) -> Iterator[str]:
    """List the attributes that hold weights which the model does not know, by their path.

    They are modules or parameters in plain lists, tuples or dicts, and tensors that ask for a
    gradient.
    """
    known: set[int] = set()
    for path, module in modules.items():
        if len(vars(module)) == len(OWN_ATTRIBUTES) or type(module).__module__.startswith("torch"):
            continue
        for name, value in vars(module).items():
            if name in OWN_ATTRIBUTES or type(value) not in (list, tuple, dict, Tensor):
                continue
            known = known or {*map(id, modules.values()), *map(id, parameters.values())}
            items = [value] if isinstance(value, Tensor) else _list_items(value)
            if any(_has_weights(item) and id(item) not in known for item in items):
                yield f"{path}.{name}" if path else name


def _list_items(value: Any) -> Iterator[Any]:
    """List what is in a plain list, tuple or dict, and in those in it."""
    for item in value.values() if isinstance(value, dict) else value:
        if type(item) in (list, tuple, dict):
            yield from _list_items(item)
        else:
            yield item


def _has_weights(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.is_leaf and value.requires_grad
    return isinstance(value, nn.Module) and next(value.parameters(), None) is not None


def _find_first(value: Any) -> Tensor | None:
    return next(
        (t for t in find_tensors(value) if t.is_floating_point() and t.numel()),
        None,
    )


def _limit(x: Tensor, axis: int) -> Tensor:
    if x.numel() <= _MOST_ENTRIES or not x.dim():
        return x
    samples = x.shape[axis]
    return x.narrow(axis, 0, min(samples, max(2, samples * _MOST_ENTRIES // x.numel())))


def _read_extent(summaries: Summaries, ticket: int) -> Extent | None:
    if ticket == NONE:
        return None
    names = ("mean", "std", "rms", "low", "high", "nonfinite", "similarity")
    return Extent(**{n: float(summaries.get_column(n, [ticket])[0]) for n in names})
