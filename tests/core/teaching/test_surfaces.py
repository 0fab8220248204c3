"""The losses: values and slopes by hand, minima where the table says, grids the right way round."""

import math

import numpy as np
import pytest
import torch

from gradflow.core.teaching.surfaces import SURFACES, Surface, compute_heights

KAPPA, TIME_STEPS = 7.0, 20


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def shelf(x):
    dent = math.exp(-((x - 1.9) ** 2) / 1.62)
    low, high = 5 * (-3 - x), 5 * (x - 3.1)
    loss = 0.8 * (math.log1p(math.exp(low)) + math.log1p(math.exp(high))) + 0.7 * (1 - dent)
    return loss, [-4 * sigmoid(low) + 4 * sigmoid(high) + 0.7 * (x - 1.9) / 0.81 * dent]


def plateau(x, y):
    q = (x**2 + KAPPA * y**2) / 2
    return q / (1 + q), [x / (1 + q) ** 2, KAPPA * y / (1 + q) ** 2]


def cliff(w, b):
    h, by_w, by_b = 0.5, 0.0, 0.0
    for _t in range(TIME_STEPS):
        s = sigmoid(h)
        by_w, by_b = s + w * s * (1 - s) * by_w, 1 + w * s * (1 - s) * by_b
        h = w * s + b
    s = sigmoid(h)
    outer = 2 * (s - 0.7) * s * (1 - s)
    return (s - 0.7) ** 2, [outer * by_w, outer * by_b]


BY_HAND = {
    Surface.SHELF: shelf,
    Surface.BOWL: lambda x: (x**2 / 2, [x]),
    Surface.DOUBLE_WELL: lambda x: (
        x**4 / 4 - x**3 / 3 - x**2 + 8 / 3,
        [(x + 1) * x * (x - 2)],
    ),
    Surface.RAVINE: lambda x, y: ((x**2 + KAPPA * y**2) / 2, [x, KAPPA * y]),
    Surface.PLATEAU: plateau,
    Surface.ROSENBROCK: lambda x, y: (
        (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        [-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)],
    ),
    Surface.HIMMELBLAU: lambda x, y: (
        (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        [
            4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
            2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7),
        ],
    ),
    Surface.SADDLE: lambda x, y: (x**2 / 2 + (y**2 - 1) ** 2 / 4, [x, y * (y**2 - 1)]),
    Surface.CLIFF: cliff,
}


def find_shape(surface):
    return TIME_STEPS if surface is Surface.CLIFF else KAPPA


def test_every_surface_has_a_row_and_an_oracle():
    assert set(SURFACES) == set(BY_HAND) == set(Surface)


@pytest.mark.parametrize("surface", Surface)
def test_loss_and_gradient_are_the_closed_forms(surface):
    row = SURFACES[surface]
    low, high = np.array(row.window).T
    points = np.random.default_rng(0).uniform(low, high, (12, row.dimension))
    leaves = torch.tensor(points, requires_grad=True)
    losses = row.loss(leaves, find_shape(surface))
    losses.sum().backward()
    for point, loss, gradient in zip(points, losses.tolist(), leaves.grad.numpy(), strict=True):
        expected, slope = BY_HAND[surface](*point)
        assert loss == pytest.approx(expected, rel=1e-11, abs=1e-14)
        assert gradient == pytest.approx(slope, rel=1e-9, abs=1e-13)


def measure_curvature(row, point, shape):
    at = torch.tensor(point, dtype=torch.float64)
    gradient = torch.autograd.functional.jacobian(lambda x: row.loss(x, shape), at)
    hessian = torch.autograd.functional.hessian(lambda x: row.loss(x, shape), at)
    return gradient.norm().item(), torch.linalg.eigvalsh(hessian)


@pytest.mark.parametrize("surface", [s for s in Surface if s is not Surface.CLIFF])
def test_minima_and_saddles_are_where_the_table_says(surface):
    row = SURFACES[surface]
    assert row.minima
    for point in row.minima:
        norm, bends = measure_curvature(row, point, find_shape(surface))
        assert norm < 1e-10
        assert (bends > 0).all()
    for point in row.others:
        norm, bends = measure_curvature(row, point, find_shape(surface))
        assert norm < 1e-9
        assert bends.min() < 0


def test_the_cliffs_valley_is_where_the_state_rests_at_the_target():
    row = SURFACES[Surface.CLIFF]
    normal, offset = row.valley
    for w in (2.6, 3.0, 3.5):
        b = (offset - normal[0] * w) / normal[1]
        assert cliff_after(60, w, b) < 1e-9
        assert row.loss(torch.tensor([w, b], dtype=torch.float64), 60).item() < 1e-9
        assert row.measure_distance(np.array([w, b])) == pytest.approx(0, abs=1e-12)
        assert row.measure_distance(np.array([w, b]) + np.array(normal)) == pytest.approx(
            math.hypot(*normal)
        )


def cliff_after(steps, w, b):
    h = 0.5
    for _t in range(steps):
        h = w * sigmoid(h) + b
    return (sigmoid(h) - 0.7) ** 2


def test_the_shelf_is_level_and_its_walls_are_steep():
    a, b, f, minimum = (mark.point[0] for mark in SURFACES[Surface.SHELF].marks)
    assert a < b < minimum < f
    assert shelf(a)[1][0] == pytest.approx(-4, rel=0.02)
    assert shelf(f)[1][0] == pytest.approx(4, rel=0.02)
    assert abs(shelf(-1.3)[1][0]) < 0.01


@pytest.mark.parametrize("surface", Surface)
def test_starts_and_marks_lie_in_the_window(surface):
    row = SURFACES[surface]
    assert len(row.axes) == row.dimension
    for mark in (*row.starts, *row.marks):
        assert len(mark.point) == row.dimension
        for x, (low, high) in zip(mark.point, row.window, strict=True):
            assert low <= x <= high


def test_the_second_coordinate_runs_along_the_first_axis_of_the_grid():
    (x, y), grid = compute_heights(Surface.RAVINE, KAPPA, size=5)
    assert grid.shape == (5, 5)
    for i in range(5):
        for j in range(5):
            assert grid[i, j] == pytest.approx((x[j] ** 2 + KAPPA * y[i] ** 2) / 2)
    (x,), curve = compute_heights(Surface.BOWL, 0, size=5)
    assert curve == pytest.approx(x**2 / 2)
