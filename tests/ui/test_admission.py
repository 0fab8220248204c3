"""Stacks of networks are let in as large as the memory that is free, counted well."""

from __future__ import annotations

import pytest

import gradflow as gf
from gradflow.core.machine import MemoryLimit
from gradflow.core.networks.memory import bound_pass, estimate_pass, estimate_seeds
from gradflow.ui import admission
from gradflow.ui.room import KEPT_BYTES, SMALL_BYTES, Room
from gradflow.ui.turns import Turn

LARGE = gf.Experiment(network=gf.MLP(depth=60, width=512), data=gf.Data(batch_size=512))
SPREAD = 1.5


def give_room(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    """Leave room for tensors of so many bytes."""
    limit = MemoryLimit(2**40, KEPT_BYTES + int(SPREAD * size) + 1, contained=False)
    room = Room(lambda: limit, Turn())
    room.spread = SPREAD
    monkeypatch.setattr(admission, "ROOM", room)


@pytest.mark.parametrize(("fitting", "at_once"), [(16, 16), (8, 8), (4, 4), (1, 1)])
def test_as_many_run_as_one_as_their_rehearsal_says(monkeypatch, fitting, at_once):
    needed = estimate_seeds(LARGE, fitting) if fitting > 1 else estimate_pass(LARGE)
    assert SMALL_BYTES < needed < fitting * bound_pass(LARGE)  # the bound would let in fewer
    give_room(monkeypatch, 1.01 * needed)
    with admission.admit_stack(LARGE, 40) as (size, _give_way):
        assert size == at_once


def test_fewer_networks_are_no_larger_stack(monkeypatch):
    give_room(monkeypatch, 2**40)
    with admission.admit_stack(LARGE, 3) as (size, _give_way):
        assert size == 3
    convolutions = gf.Experiment(network=gf.ConvNet(), data=gf.Data(batch_size=8))
    with admission.admit_stack(convolutions, 3) as (size, _give_way):
        assert size == 1


def test_one_network_that_does_not_fit_is_refused(monkeypatch):
    give_room(monkeypatch, 0.9 * estimate_pass(LARGE))
    with pytest.raises(gf.InvalidExperiment, match="memory"), admission.admit_stack(LARGE, 16):
        raise AssertionError("it was let in")
