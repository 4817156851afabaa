"""Conditions mean what they meant, and each is read once."""

from typing import Any

import pytest
from ministack.services import dynamodb

from infrastructure.local.patches import expressions
from infrastructure.local.patches.patcher import Patcher

ITEM = {"pk": {"S": "1"}, "n": {"N": "2"}}
NAMES = {"#n": "n"}
VALUES = {":n": {"N": "2"}, ":m": {"N": "3"}}
CONDITIONS = [
    "attribute_not_exists (pk)",
    "attribute_exists (pk) AND #n = :n",
    "#n = :m OR (#n < :m AND NOT contains (pk, :n))",
    "#n BETWEEN :n AND :m",
    "#n BETWEEN :m AND :n",
    "((#n = :n))",
    "#n = = :n",
    "select = :n",
    "#n >< :n",
]


def outcome(condition: str) -> Any:
    """Return what a condition comes to, or the sentence that refuses it."""
    try:
        return dynamodb._evaluate_condition(condition, ITEM, VALUES, NAMES)
    except ValueError as error:
        return str(error)


def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with every condition whose grammar is checked by the emulator's own code."""
    seen: list[str] = []

    class Tokens:
        def __init__(self, stock: Any) -> None:
            self._stock = stock

        def finditer(self, text: str) -> Any:
            seen.append(text)
            return self._stock.finditer(text)

    monkeypatch.setattr(dynamodb, "_COND_TOKEN_RE", Tokens(dynamodb._COND_TOKEN_RE))
    return seen


def test_the_stock_emulator_checks_the_grammar_of_a_condition_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = readings(monkeypatch)
    outcome(CONDITIONS[1])
    outcome(CONDITIONS[1])

    assert len(seen) == 2


def test_the_grammar_of_a_condition_is_checked_once(patcher: Patcher, monkeypatch: pytest.MonkeyPatch) -> None:
    expressions.apply(patcher)
    seen = readings(monkeypatch)

    assert [outcome(CONDITIONS[1]), outcome(CONDITIONS[1])] == [True, True]
    assert len(seen) == 1


def test_every_condition_comes_to_what_it_came_to(patcher: Patcher) -> None:
    before = [outcome(condition) for condition in CONDITIONS]
    expressions.apply(patcher)

    assert [outcome(condition) for condition in [*CONDITIONS, *CONDITIONS]] == [*before, *before]
    assert {True, False} < {each if isinstance(each, bool) else None for each in before}
