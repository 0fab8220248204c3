"""Lines of code for a model, with the names that its parts have."""

from __future__ import annotations

from collections.abc import Iterable

from gradflow.core.remedies.advice_table import ADVICE
from gradflow.core.report import Report


def write_line(code: str, report: Report) -> str:
    """Write the line of an advice for the model of a report; a general one if names are unknown."""
    line, facts = ADVICE[code].line, report.facts
    if code == "orthogonal_states":
        return _write_loop(
            list_recurrent(report), "weight_hh", "weight", "nn.init.orthogonal_(weight)"
        ) or (_write_steps(report) or line)
    if code == "forget_bias":
        return (
            _write_loop(
                list_recurrent(report, gates=4),
                "bias_hh",
                "bias",
                "nn.init.ones_(bias.detach().chunk(4)[1])",
            )
            or line
        )
    if code == "straight_through" and facts.closed_step and not facts.flat_step:
        return line.replace("h.round()", f"{facts.closed_step}.apply(h)")
    if code == "straight_through" and facts.flat_step:
        return line.replace("round()", facts.flat_step)
    if code == "gradcheck" and facts.odd_step is not None:
        return line.replace("Function", facts.odd_step[0])
    return line


def list_recurrent(report: Report, gates: int | None = None) -> list[str]:
    """List the paths of the modules with states; of those with so many gates, if they are given.

    As many gates as rows of weights per state are counted: four are those of an LSTM.
    """
    table = report.get_table("parameters")
    paths: dict[str, None] = {}
    for name, shape in zip(table["parameter"].tolist(), table["shape"].tolist(), strict=True):
        path, _dot, own = str(name).rpartition(".")
        sizes = [int(size) for size in str(shape).split("×") if size.isdigit()]
        if own.startswith("weight_hh") and len(sizes) == 2:
            # With projections the state is smaller than its gates.
            is_meant = gates is None or sizes[0] >= gates * sizes[1]
            if is_meant:
                paths[path] = None
    return [*paths]


def _write_loop(paths: list[str], part: str, variable: str, body: str) -> str:
    """Write a loop over the parameters of modules, which covers all layers and directions."""
    if not paths:
        return ""
    start = (
        f"for name, {variable} in {_write_path(paths[0])}.named_parameters():"
        if len(paths) == 1
        else f"for rnn in ({', '.join(map(_write_path, paths))}):\n"
        f"  for name, {variable} in rnn.named_parameters():"
    )
    return f'{start}\n    if "{part}" in name:\n        {body}'


def _write_steps(report: Report) -> str:
    """Write a line for every square layer that a loop calls once per step."""
    names = report.get_table("layers")
    is_square = names["fan_in"] == names["fan_out"]
    modules = [str(name) for name in names["module"][is_square]]
    repeated = dict.fromkeys(name.partition("#")[0] for name in modules if "#" in name)
    return "\n".join(f"nn.init.orthogonal_({_write_path(name)}.weight)" for name in repeated)


def _write_path(path: str) -> str:
    """Write the path of a part of a model as an expression."""
    return "model" + "".join(_write_parts(path.split(".") if path else ()))


def _write_parts(parts: Iterable[str]) -> Iterable[str]:
    for part in parts:
        yield f"[{part}]" if part.isdigit() else f".{part}"
