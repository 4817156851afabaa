"""DynamoDB's expression language, as far as the product speaks it: conditions, key conditions and updates on typed items."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

Typed = dict[str, Any]
Holds = Callable[["Item", Mapping[str, str], Mapping[str, Typed]], bool]
Item = Mapping[str, Typed]

_TOKEN = re.compile(r"\s*([#:]\w+|\w+|<=|>=|<>|[=<>(),])")
_ORDERS = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_ORDERED = {"S", "N", "B"}


def holds(expression: str, item: Item, names: Mapping[str, str], values: Mapping[str, Typed]) -> bool:
    """Tell whether a condition holds for an item; {} is one that is not there. Raises `ValueError` for other words."""
    return _condition(expression)(item, names, values)


def changed(expression: str, item: Item, names: Mapping[str, str], values: Mapping[str, Typed]) -> Typed:
    """Return the item after an update of the clauses SET (plain values), REMOVE and ADD (numbers)."""
    after = dict(item)
    words = _words(expression)
    while words:
        clause = words.pop(0)
        while words and words[0] not in {"SET", "REMOVE", "ADD"}:
            name = names[words.pop(0)]
            if clause == "SET":
                _expect(words, "=")
                after[name] = values[words.pop(0)]
            elif clause == "REMOVE":
                after.pop(name, None)
            elif clause == "ADD":
                total = Decimal(after.get(name, {"N": "0"})["N"]) + Decimal(values[words.pop(0)]["N"])
                after[name] = {"N": f"{total:f}"}
            else:
                raise ValueError(clause)
            if words and words[0] == ",":
                words.pop(0)
    return after


@cache
def _condition(expression: str) -> Holds:
    parser = _Parser(_words(expression))
    condition = parser.either()
    if parser.words:
        raise ValueError(expression)
    return condition


def _words(expression: str) -> list[str]:
    words = _TOKEN.findall(expression)
    if "".join(words) != re.sub(r"\s", "", expression):
        raise ValueError(expression)
    return words


def _expect(words: list[str], word: str) -> None:
    if words.pop(0) != word:
        raise ValueError(word)


@dataclass
class _Parser:
    words: list[str]

    def either(self) -> Holds:
        left = self._both()
        while self.words[:1] == ["OR"]:
            self.words.pop(0)
            left = _joined(left, self._both(), any)
        return left

    def _both(self) -> Holds:
        left = self._one()
        while self.words[:1] == ["AND"]:
            self.words.pop(0)
            left = _joined(left, self._one(), all)
        return left

    def _one(self) -> Holds:
        word = self.words.pop(0)
        if word == "(":
            inner = self.either()
            _expect(self.words, ")")
            return inner
        if word == "NOT":
            inner = self._one()
            return lambda item, names, values: not inner(item, names, values)
        if word in {"attribute_exists", "attribute_not_exists"}:
            _expect(self.words, "(")
            name = self.words.pop(0)
            _expect(self.words, ")")
            wanted = word == "attribute_exists"
            return lambda item, names, _: (names[name] in item) is wanted
        if word == "begins_with":
            _expect(self.words, "(")
            name = self.words.pop(0)
            _expect(self.words, ",")
            start = self.words.pop(0)
            _expect(self.words, ")")
            return lambda item, names, values: item.get(names[name], {}).get("S", "").startswith(values[start]["S"])
        return self._comparison(word)

    def _comparison(self, name: str) -> Holds:
        order, value = self.words.pop(0), self.words.pop(0)
        if order not in _ORDERS or not name.startswith("#") or not value.startswith(":"):
            raise ValueError(order)
        return lambda item, names, values: _compared(order, item.get(names[name]), values[value])


def _joined(left: Holds, right: Holds, how: Callable[[tuple[bool, bool]], bool]) -> Holds:
    return lambda item, names, values: how((left(item, names, values), right(item, names, values)))


def _compared(order: str, held: Typed | None, asked: Typed) -> bool:
    """Compare two typed values: those of different types are not equal and stand in no order."""
    if held is None or held.keys() != asked.keys():
        return order == "<>"
    ((kind, asked_value),) = asked.items()
    held_value = held[kind]
    if kind == "N":
        held_value, asked_value = Decimal(held_value), Decimal(asked_value)
    if order not in {"=", "<>"} and kind not in _ORDERED:
        raise ValueError(kind)
    return bool(_ORDERS[order](held_value, asked_value))
