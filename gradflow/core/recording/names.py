"""The names of parameters and of the layers that they make."""

from __future__ import annotations

import re

from torch import nn

_PARAMETRIZED = re.compile(r"(^|\.)parametrizations\.(\w+)\.\w+$")


class Names:
    """The parameters of a model by name.

    Attributes:
        parameters: their names, by ``id``; of a shared one the first.
        dimensions: how many each has, by name.
        constants: the buffers, by ``id``.
    """

    def __init__(self, model: nn.Module) -> None:
        self.parameters: dict[int, str] = {}
        self.dimensions: dict[str, int] = {}
        self.constants: set[int] = set()
        self._modules: dict[str, nn.Module] = {}
        self._shared: set[int] = set()
        for path, module in model.named_modules():
            self._modules[path] = module
            for attribute, parameter in module._parameters.items():
                if parameter is None:
                    continue
                if id(parameter) in self.parameters:
                    self._shared.add(id(parameter))
                    continue
                name = f"{path}.{attribute}" if path else attribute
                self.parameters[id(parameter)] = name
                self.dimensions[name] = parameter.dim()
            self.constants.update(map(id, module._buffers.values()))

    def is_shared(self, module: nn.Module) -> bool:
        """Whether another module has one of the parameters of this one."""
        return bool(self._shared) and any(id(p) in self._shared for p in module.parameters(False))

    def list_own(self, module: nn.Module) -> list[str]:
        """List the names of the parameters of a module and of those in it."""
        return [self.parameters[id(p)] for p in module.parameters() if id(p) in self.parameters]

    def split_parameters(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Split the parameters of a layer into weights and biases."""
        weights = tuple(name for name in names if self.dimensions[name] > 1) or names[:1]
        return weights, tuple(name for name in names if name not in weights)

    def name_layer(
        self, names: tuple[str, ...], kind: str, running: tuple[str, nn.Module] | None
    ) -> tuple[str, nn.Module]:
        """Name the layer that parameters make, and find the module that owns its weight.

        It is called as the module, and as the attribute as well if that is no ``weight``: the
        running module if it has the weight, else the one from which the weight has its name.
        """
        weight = self.split_parameters(names)[0][0]
        path, _, attribute = _PARAMETRIZED.sub(r"\1\2", weight).rpartition(".")
        if running is not None:
            for name, parameter in running[1]._parameters.items():
                if parameter is not None and self.parameters.get(id(parameter)) == weight:
                    path, attribute = running[0], name
        attribute = re.sub(r"_(orig|g|v)$", "", attribute)
        attribute = "" if kind == "recurrent" else attribute.removesuffix("_weight")
        parts = (path, "" if attribute == "weight" else attribute)
        return ".".join(filter(None, parts)) or "model", self._modules[path]
