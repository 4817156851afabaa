"""The labelled questions, and that they go on being routed as well as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.retrieval.kinds import Route
from benchmarks.routing import Asked, misses, questions, scores


def test_the_labelled_set_has_enough_of_everything() -> None:
    asked = questions()

    assert len(asked) >= 190
    assert len({each.text for each in asked}) == len(asked)
    assert {each.route for each in asked} == set(Route)
    assert sum(each.is_apart for each in asked) * 4 > len(asked)


@pytest.mark.parametrize(("apart", "least"), [(False, 0.97), (True, 0.9)])
def test_questions_are_routed_as_they_should_be(apart: bool, least: float) -> None:
    *_, overall = scores([each for each in questions() if each.is_apart is apart])

    assert isinstance(overall["recall"], float)
    assert overall["recall"] >= least


def test_scores_count_questions() -> None:
    asked = [Asked("What is my favourite tea?", Route.PREFERENCES), Asked("Delete it all", Route.LIST)]

    rows = {row["route"]: (row["wanted"], row["precision"], row["recall"]) for row in scores(asked)}

    expected = {"preferences": (1, 1.0, 1.0), "list": (1, None, 0.0), "none": (0, 0.0, None), "all": (2, 0.5, 0.5)}
    assert {route: rows[route] for route in expected} == expected
    assert misses(asked) == ["list -> none: Delete it all"]


def test_a_line_without_a_route_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "questions.tsv"
    for line in ("no route", "gossip\tWhat did you hear?"):
        path.write_text(line)
        with pytest.raises(ValueError, match="is not ROUTE"):
            questions(path)
