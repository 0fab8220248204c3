"""The gradient that comes back to a tensor, whatever is done to the tensor later."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from torch import Tensor

Receive = Callable[[Tensor], None]


def watch_result(tensor: Tensor, receive: Receive) -> int:
    """Call ``receive`` with the gradient of what an operation has just returned, as it is now.

    A hook on the autograd node that made a tensor is still right after the tensor has been changed
    in place, unless it is a view: then that node leaves the graph. Only the operation itself can
    use what its result views (of three dimensions, that of a linear layer is a view), so the node
    of that is as good. ``Tensor.register_hook`` would lose such a gradient, and it ends Python
    where a view was changed through another view before (PyTorch issue 196459).

    Returns:
        The place of the node among all operations; -1 for a tensor that none has made.
    """
    base = tensor._base
    if base is not None and base.numel() == tensor.numel() and base.grad_fn is not None:
        tensor = base
    node = tensor.grad_fn
    if node is None:
        tensor.register_hook(receive)  # type: ignore[no-untyped-call]
        return -1
    watch_node(node, tensor.output_nr, receive)
    place: int = node._sequence_nr()
    return place


def find_place(value: Any) -> int:
    """Find where a tensor was made, among all operations; -1 if none with a gradient made it."""
    node = value.grad_fn if isinstance(value, Tensor) else None
    return -1 if node is None else int(node._sequence_nr())


def watch_output(tensor: Tensor, receive: Receive, changed: Container[int]) -> None:
    """Call ``receive`` with the gradient of the output of a module.

    Of a view that is changed in place later, what it views gives the gradient: of the same entries,
    also where they are used in another way.

    Args:
        tensor: the output.
        receive: called once.
        changed: the storages in which something has been changed in place, by their address.
    """
    base, node = tensor._base, tensor.grad_fn
    if node is None:
        tensor.register_hook(receive)  # type: ignore[no-untyped-call]
    elif base is None or base.grad_fn is None:
        watch_node(node, tensor.output_nr, receive)
    else:
        _watch_view(tensor, base, receive, changed)


def _watch_view(tensor: Tensor, base: Tensor, receive: Receive, changed: Container[int]) -> None:
    received: list[bool] = []
    storage = find_storage(tensor)
    is_part = base.numel() != tensor.numel()
    view = tensor.size(), tensor.stride(), tensor.storage_offset() - base.storage_offset()
    whole = base.size(), base.stride()

    def receive_once(gradient: Tensor) -> None:
        received.append(True)
        receive(gradient)

    def receive_from_base(gradient: Tensor) -> None:
        if received or storage not in changed:
            return
        if is_part:
            gradient = gradient.new_empty_strided(*whole).copy_(gradient).as_strided(*view)
        receive(gradient)

    watch_node(tensor.grad_fn, tensor.output_nr, receive_once)
    watch_node(base.grad_fn, base.output_nr, receive_from_base)


def watch_node(node: Any, index: int, receive: Receive) -> None:
    """Call ``receive`` with the gradient of one output of an autograd node."""

    def watch(gradients: tuple[Tensor | None, ...]) -> None:
        gradient = gradients[index]
        if gradient is not None:
            receive(gradient)

    node.register_prehook(watch)


def find_storage(tensor: Tensor) -> int:
    """Find the address of the memory that a tensor shares with its views."""
    return tensor.untyped_storage().data_ptr()
