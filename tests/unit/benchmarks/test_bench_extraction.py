"""The labelled utterances, and that the rules go on reading them as well as they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.extraction import KINDS, Utterance, kept, misses, scores, utterances


def test_the_labelled_set_has_enough_of_everything() -> None:
    said = utterances()

    assert len(said) >= 300
    assert len({each.text for each in said}) == len(said)
    assert sum(not each.kept for each in said) >= 60
    assert {kind for each in said for kind in each.kept} == set(KINDS) - {"nothing"}
    assert sum(each.is_apart for each in said) * 4 > len(said)


@pytest.mark.parametrize("apart", [False, True])
def test_the_rules_find_what_is_to_be_kept_and_little_else(apart: bool) -> None:
    *_, overall = scores(each for each in utterances() if each.is_apart is apart)

    assert isinstance(overall["precision"], float)
    assert isinstance(overall["recall"], float)
    assert overall["precision"] >= 0.9
    assert overall["recall"] >= 0.85


def test_scores_count_statements() -> None:
    said = [Utterance("I prefer tea.", ("preference", "factual")), Utterance("Hi!", ()), Utterance("Thanks!", ("factual",))]

    rows = {row["kind"]: (row["wanted"], row["precision"], row["recall"]) for row in scores(said)}

    expected = {"preference": (1, 1.0, 1.0), "factual": (2, None, 0.0), "nothing": (1, 0.5, 1.0)}
    assert {kind: rows[kind] for kind in expected} == expected
    assert len(misses(said)) == 2


def test_unsure_statements_are_right_when_they_are_known_to_be_unsure() -> None:
    assert kept(Utterance("Anna said she moved to Oslo.", ("reported",))) == ["reported"]
    assert kept(Utterance("I live in Oslo.", ("hedged",))) == ["factual"]


def test_a_line_without_a_label_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "said.tsv"
    for line in ("no label", "gossip\tI heard something."):
        path.write_text(line)
        with pytest.raises(ValueError, match="CATEGORIES"):
            utterances(path)
