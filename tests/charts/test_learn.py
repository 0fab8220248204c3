"""The figure of a lesson, and its lines as small drawings."""

import numpy as np
import pytest

from gradflow.charts.learn.figure import (
    LessonLine,
    Role,
    choose_scale,
    lesson_figure,
    sketch_line,
)
from gradflow.charts.series import Series

X = np.arange(1.0, 101.0)
FALLING = Series("falling", X, 10.0 ** np.linspace(-6, 0, 100))
BROKEN = Series("broken", X, np.where(X < 50, X, np.nan))


def draw(*lines: LessonLine):
    return lesson_figure(lines, x_axis="x", y_axis="y")


def test_the_run_is_drawn_last_and_looks_different_from_the_prediction() -> None:
    figure = draw(
        LessonLine(FALLING, Role.RUN),
        LessonLine(Series("B", X, FALLING.values**2), Role.CHOSEN, "B", True),
        LessonLine(Series("A", X, np.ones(100)), Role.OTHER, "A", True),
    )
    assert [trace.name for trace in figure.data] == ["A", "B", "falling"]
    widths = [trace.line.width for trace in figure.data]
    assert widths == sorted(widths)
    assert len({trace.line.dash for trace in figure.data}) == 3
    assert [trace.text[0] for trace in figure.data[:2]] == [" A ", " B "]
    np.testing.assert_allclose(figure.data[2].y, np.linspace(-6, 0, 100))  # decades


def test_what_breaks_is_marked_where_it_does() -> None:
    figure = draw(LessonLine(BROKEN, Role.OTHER, "B"), LessonLine(FALLING, Role.RUN))
    assert figure.data[0].text.index(" B ") == 48  # the last value that is left
    (cross,) = [trace for trace in figure.data if trace.name == "marks"]
    assert cross.x == (50.0,)
    assert "NaN" in cross.hovertext[0]
    assert "NaN" in figure.layout.xaxis.title.text


def test_shares_stand_between_none_and_all() -> None:
    share = Series("dead", X, np.linspace(0, 0.5, 100), is_share=True)
    figure = draw(LessonLine(share, Role.RUN))
    assert figure.layout.yaxis.ticktext[-1] == "100%"
    np.testing.assert_allclose(figure.data[0].y, share.values)


def test_nothing_gives_a_titled_figure() -> None:
    assert draw().layout.annotations[0].text


@pytest.mark.parametrize("series", [FALLING, BROKEN, Series("", X[:3], np.array([1.0, 2, 3]))])
def test_a_small_drawing_has_the_same_course(series: Series) -> None:
    scale = choose_scale([series])
    points = sketch_line(series, scale)
    assert len(points) <= 40
    assert (points[0][0], points[-1][0]) == (0.0, 1.0)
    for x, y in points:
        value = series.values[round(x * (len(series.values) - 1))]
        if not np.isfinite(value):
            assert y is None
            continue
        assert y is not None
        assert 0 <= y <= 1
        height = np.log10(value) if scale.log else value
        assert y == pytest.approx((height - scale.low) / (scale.high - scale.low), abs=1e-3)
