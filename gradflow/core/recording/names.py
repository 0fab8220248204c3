"""The names of parameters and of the layers that they make."""

from __future__ import annotations

import re

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

_PARAMETRIZED = re.compile(r"(^|\.)parametrizations\.(\w+)\.\w+$")


class Names:
    """The parameters of a model by name.

    Attributes:
        modules: all modules by their path.
        tensors: the parameters by name; of a shared one, the first name.
        parameters: their names, by ``id``.
        constants: the buffers, by ``id``.
    """

    def __init__(self, model: nn.Module) -> None:
        self.modules = dict(model.named_modules())
        self.tensors: dict[str, Tensor] = {}
        self.parameters: dict[int, str] = {}
        self.constants: set[int] = set()
        self._shared: set[int] = set()
        self._matrices: set[str] = set()
        for path, module in self.modules.items():
            for attribute, parameter in module._parameters.items():
                if parameter is None:
                    continue
                if id(parameter) in self.parameters:
                    self._shared.add(id(parameter))
                    continue
                name = f"{path}.{attribute}" if path else attribute
                self.parameters[id(parameter)] = name
                self.tensors[name] = parameter
                if not is_lazy(parameter) and parameter.dim() > 1:
                    self._matrices.add(name)
            if module._buffers:
                self.constants.update(map(id, module._buffers.values()))
        self._part_count = self._count_parts()

    def has_grown(self) -> bool:
        """Whether a module has got parameters or modules since."""
        return self._count_parts() > self._part_count

    def _count_parts(self) -> int:
        return sum([len(m._parameters) + len(m._modules) for m in self.modules.values()])

    def is_shared(self, module: nn.Module) -> bool:
        """Whether another module has one of the parameters of this one."""
        return bool(self._shared) and any(id(p) in self._shared for p in module.parameters(False))

    def list_own(self, module: nn.Module) -> list[str]:
        """List the names of the parameters of a module and of those in it."""
        own = module.parameters() if module._modules else module._parameters.values()
        return [self.parameters[id(p)] for p in own if id(p) in self.parameters]

    def split_parameters(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Split the parameters of a layer into weights and biases."""
        weights = tuple([name for name in names if name in self._matrices]) or names[:1]
        return weights, tuple([name for name in names if name not in weights])

    def name_layer(
        self, weight: str, kind: str, running: tuple[str, nn.Module] | None
    ) -> tuple[str, nn.Module]:
        """Name the layer that a weight makes, and find the module that owns it.

        It is called as the module, and as the attribute as well if that is no ``weight``: the
        running module if it has the weight, else the one from which the weight has its name.
        """
        if running is None and weight.endswith(".weight"):
            return clean_path(weight[:-7]), self.modules[weight[:-7]]
        path, _, attribute = weight.rpartition(".")
        if "parametrizations." in weight:
            path, _, attribute = _PARAMETRIZED.sub(r"\1\2", weight).rpartition(".")
        if running is not None and running[1]._parameters:
            for name, parameter in running[1]._parameters.items():
                if parameter is not None and self.parameters.get(id(parameter)) == weight:
                    path, attribute = running[0], name
        if attribute != "weight":
            attribute = re.sub(r"_(orig|g|v)$", "", attribute)
            attribute = "" if kind == "recurrent" else attribute.removesuffix("_weight")
        parts = (clean_path(path), "" if attribute == "weight" else attribute)
        return ".".join(filter(None, parts)) or "model", self.modules[path]


def clean_path(path: str) -> str:
    """Leave out of a module's path what ``torch.compile`` has put into it."""
    return (
        path.replace("_orig_mod.", "").removesuffix("._orig_mod") if "_orig_mod" in path else path
    )
