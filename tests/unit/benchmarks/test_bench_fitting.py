"""The data that the ranking is fitted on is whole, and what is fitted on it follows what the examples say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.retrieval.weights import ALWAYS, LONG, SHORT
from benchmarks import fitting
from benchmarks.datasets import Conversation, read
from benchmarks.fitting import CLOSE, FREE, GROUPS, Example, fit, left_out, means, names, recall, report_rows, task_of

TALKS = Path(fitting.__file__).parent / "conversations"
APART = TALKS.with_name("conversations_apart")
NAMED, ASKS = names().index("always.named"), names().index("short.asks")


def example(number: int, evidence: int = 0) -> Example:
    """Three turns, of which the evidence is said by the one who is named, and the others ask."""
    rows = np.zeros((3, len(names())))
    rows[:, ASKS] = 1.0
    rows[evidence, NAMED], rows[evidence, ASKS] = 1.0, 0.0
    return Example(f"talk {number % 3}", "single-hop", 1.0, rows, ("t0", "t1", "t2"), frozenset({f"t{evidence}"}))


@pytest.mark.parametrize("talk", [*read(TALKS, "talks"), *read(APART, "talks")], ids=lambda talk: talk.name)
def test_a_conversation_of_our_own_is_whole(talk: Conversation) -> None:
    turns = [turn.turn_id for turn in talk.turns]

    assert len(turns) == len(set(turns)) > 200
    assert len({turn.speaker for turn in talk.turns}) == 2
    assert [turn.said_at for turn in talk.turns] == sorted(turn.said_at for turn in talk.turns if turn.said_at)
    assert all(turn.turn_id.startswith(f"{turn.session}.") for turn in talk.turns)
    assert len(talk.questions) in {60, 72}
    assert all(question.evidence and question.evidence <= set(turns) for question in talk.questions)


def test_there_are_enough_questions_to_fit_on() -> None:
    talks = read(TALKS, "talks")

    assert len(talks) >= 4
    assert sum(len(talk.questions) for talk in talks) >= 150


def test_a_file_of_another_form_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("@ 1\n")

    with pytest.raises(ValueError, match="bad"):
        read(tmp_path, "talks")


def test_what_tells_evidence_counts_for_it_and_what_tells_the_rest_against_it() -> None:
    weights = fit([example(number, number % 3) for number in range(9)], np.ones(len(names()), dtype=np.bool_))

    assert weights[NAMED] > 1
    assert weights[ASKS] < 0
    assert recall(example(0, 2), weights, depth=1) == 1.0


def test_what_is_left_out_counts_nothing() -> None:
    used = np.ones(len(names()), dtype=np.bool_)
    used[NAMED] = False

    assert fit([example(number) for number in range(3)], used)[NAMED] == 0


def test_each_conversation_is_judged_by_the_others() -> None:
    judged = left_out([example(number, number % 3) for number in range(9)], np.ones(len(names()), dtype=np.bool_))

    assert len(judged) == 9
    assert means(judged) == {"talks": 1.0, "single-hop": 1.0}


def test_the_weights_are_where_the_loss_is_smallest_within_the_bounds() -> None:
    examples = [example(number, number % 3) for number in range(9)]
    weights = fit(examples, np.ones(len(names()), dtype=np.bool_))
    task = task_of(examples, weights)
    least, slope, _ = task.at(weights)
    is_free = np.array([name.split(".")[1] in FREE for name in names()])
    chance = np.random.default_rng(1)

    for moved in weights + chance.normal(scale=0.1, size=(50, len(weights))):
        assert task.at(np.where(is_free, moved, np.maximum(moved, 0.0)))[0] > least
    assert np.abs(slope[[NAMED, ASKS]]).max() < CLOSE


def test_the_table_tells_what_is_lost_without_a_feature_and_without_its_group() -> None:
    rows = {row["feature"]: row for row in report_rows([example(number, number % 3) for number in range(9)], ablate=True)}

    assert list(rows) == [*list(rows)[:2], *names(), *(f"all of {group}" for group in GROUPS)]
    assert all(row.keys() == rows["as they ship"].keys() for row in rows.values())
    assert rows["always.rule"]["talks"] == rows["all of dates"]["talks"] == 0.0


def test_the_groups_are_of_features_that_ship() -> None:
    assert set().union(*GROUPS.values()) <= {*SHORT, *LONG, *ALWAYS}


def test_every_feature_that_ships_is_fitted() -> None:
    assert sorted(name.split(".")[1] for name in names()) == sorted([*SHORT, *LONG, *ALWAYS])
