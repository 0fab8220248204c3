"""A lesson's file says field, value and way out where it is wrong; so does a link."""

import pytest

import gradflow as gf
from gradflow.core.lessons.path import LessonPath, write_predictions
from gradflow.core.lessons.schema import InvalidLesson, load_lessons, parse_lesson

GOOD = """
title = "A lesson"
question = "What do {depth} layers do?"
answer = "They give {result}."
why = "Because of {slope}."
measure = "gradient"
settings = { depth = 4, width = 8 }
factors = [0.5, 1.0, 2.0]
"""
CURVES = """
[[options]]
code = "own"
label = "this one"
[[options]]
code = "other"
label = "{depth} layers"
settings = { depth = 6 }
"""


def test_a_good_lesson_is_read() -> None:
    lesson = parse_lesson(GOOD, "01_own.toml")
    assert lesson.factors == (0.5, 1.0, 2.0)
    curves = parse_lesson(GOOD.replace("factors = [0.5, 1.0, 2.0]", CURVES), "01_own.toml")
    assert curves.truth.code == "own"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title", "titel", "titel: there is no such field; a lesson has title, question"),
        ('title = "A lesson"', "", "title is missing"),
        ("{depth} layers", "20 layers", 'question: "20" is not allowed; choose no number'),
        ("{depth} layers", "{result} layers", 'question: "{result}" is not allowed; choose one of'),
        ("{result}", "{resu", "answer:"),
        ("{result}", "{unknown}", 'answer: "{unknown}" is not allowed; choose one of {depth}'),
        ('"gradient"', '"colour"', 'measure: "colour" is not allowed'),
        ("depth = 4", "depths = 4", 'settings: there is no "depths" here; choose one of'),
        ("depth = 4", "depth = 0", "settings: depth: 0 is not allowed; choose a whole number"),
        ("depth = 4", "seed = 4", 'settings: there is no "seed" here'),
        ("[0.5, 1.0, 2.0]", "[2.0, 1.0, 0.5]", "factors: [2.0, 1.0, 0.5] is not allowed"),
        ("factors = [0.5, 1.0, 2.0]", "", "exactly one of factors, options and patients"),
        (
            "factors = [0.5, 1.0, 2.0]",
            CURVES.replace("settings = { depth = 6 }", ""),
            'options: ["own", "other"] is not allowed; choose exactly one without settings',
        ),
        (
            "factors = [0.5, 1.0, 2.0]",
            CURVES.replace('"other"', '"own"'),
            "two to four with codes of their own",
        ),
        (
            "factors = [0.5, 1.0, 2.0]",
            CURVES.replace("{depth} layers", "6 layers"),
            'label: "6" is not allowed',
        ),
        (
            "factors = [0.5, 1.0, 2.0]",
            "patients = [{ depth = 5 }]",
            'measure: "gradient" is not allowed; choose loss',
        ),
        ('title = "A lesson"', 'title = "A lesson', "this is no TOML"),
    ],
)
def test_a_bad_lesson_says_what_to_change(old: str, new: str, said: str) -> None:
    content = GOOD.replace(old, new, 1)
    assert content != GOOD
    with pytest.raises(InvalidLesson) as caught:
        parse_lesson(content, "01_own.toml")
    assert "01_own.toml: " in str(caught.value)
    assert said in str(caught.value)


def test_a_place_on_the_path_is_a_link() -> None:
    path = LessonPath(lesson="relu", answers="slopes.2~relu.none~cure.he-adam", seed=7)
    assert path.predictions == {"slopes": "2", "relu": "none", "cure": "he-adam"}
    assert write_predictions(path.predictions) == path.answers
    assert LessonPath().lesson == next(iter(load_lessons()))


@pytest.mark.parametrize(
    "values",
    [
        {"lesson": "unheard"},
        {"answers": "slopes.7"},
        {"answers": "slopes.x"},
        {"answers": "relu.2"},
        {"answers": "unheard.1"},
        {"answers": "slopes"},
        {"answers": "cure.<b>"},
        {"answers": "cure." + "x" * 81},
        {"answers": "~" * 1001},
        {"seed": 0},
    ],
    ids=str,
)
def test_a_forged_place_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(gf.InvalidExperiment, match=next(iter(values))):
        LessonPath(**values)
