"""The demo's second part: what becomes of what is said, shown on one person's three sentences, and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console

from examples.service import Added, Service

USER = "nora"
QUESTION = "Where do I work?"
_SEVERAL, _AGAIN, _CONTRADICTION = range(3)
_TWICE = 2


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence, when it was said, and what must become of each of its facts."""

    id: str
    occurred_at: str
    text: str
    outcomes: tuple[str, ...]


SAYINGS = (
    Saying("several", "2024-03-04T18:30:00Z", "I work at Siemens, and my sister lives in Porto.", ("stored", "stored")),
    Saying("again", "2024-03-11T18:30:00Z", "My sister lives in  PORTO!", ("merged",)),
    Saying("contradiction", "2024-05-06T18:30:00Z", "I work at Bosch now.", ("superseded",)),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence and what became of it; `memories` are as they are now, one for each outcome, None where there is none."""

    saying: Saying
    added: Added
    memories: Sequence[Mapping[str, Any] | None]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcome of each of its facts."""
        return tuple(each["outcome"] for each in self.added.answer.body["outcomes"])

    def memory_id(self, number: int) -> str | None:
        """Return the id of a fact's memory."""
        memory = self.memories[number] if number < len(self.memories) else None
        return str(memory["id"]) if memory else None


def run(service: Service, out: Console) -> list[str]:
    """Say the three sentences, show what became of them, and return what is not as it must be."""
    out.print("\nWhat becomes of what is said: each fact by itself, once, and what no longer holds makes room.")
    told = tell(service)
    for each in told:
        show(service, each, out)
    asked = service.query(USER, QUESTION, 5).body["memories"]
    out.print(f'asked now     "{QUESTION}" -> {asked[0]["text"] if asked else "nothing"}', markup=False)
    known = sum(each.added.answer.replayed for each in told)
    out.print(f"{len(told)} sentences: {len(told) - known} said, {known} already there.")
    return faults(service, told, {each["id"] for each in asked})


def tell(service: Service) -> list[Told]:
    """Have the sentences remembered, once however often the demo runs, and read the memories that they have become by then."""
    said = [(saying, service.add_once(_body(saying), f"demo-{saying.id}")) for saying in SAYINGS]
    return [Told(saying, added, [_memory(service, each) for each in added.answer.body["outcomes"]]) for saying, added in said]


def show(service: Service, told: Told, out: Console) -> None:
    """Print a sentence, and below it each of its facts: its outcome, its memory, and what shows that outcome."""
    there = "  (already there)" if told.added.answer.replayed else ""
    out.print(f'{_day(told.saying.occurred_at):<14}"{told.saying.text}"{there}', markup=False)
    for outcome, memory in zip(told.outcomes, told.memories, strict=True):
        text = "nothing" if memory is None else f"{memory['text']}{_note(service, memory)}"
        out.print(f"  {outcome:<12}{text}", markup=False)


def faults(service: Service, told: Sequence[Told], found: set[str]) -> list[str]:
    """Return what is not as it must be. `found` are the ids that the question found.

    Outcomes are told of the first time. Where something was forgotten since, it was said anew and has others: then only what
    holds in the end is looked at.
    """
    wrong = [
        f'"{each.saying.text}" must be {", ".join(each.saying.outcomes)}; it was {", ".join(each.outcomes)}.'
        for each in told
        if each.outcomes != each.saying.outcomes and not any(other.added.anew for other in told)
    ]
    work, sister = told[_SEVERAL].memory_id(0), told[_SEVERAL].memory_id(1)
    again, holds = told[_AGAIN].memory_id(0), told[_CONTRADICTION].memory_id(0)
    if sister is None or sister == work:
        wrong.append("One sentence with two facts must become two memories.")
    elif again != sister or _times_said(service, sister) < _TWICE:
        wrong.append("The same fact said again must be one memory with two pieces of evidence.")
    if holds not in found or work in found:
        wrong.append(f'"{QUESTION}" must find what holds now, and not what it superseded.')
    return wrong


def _body(saying: Saying) -> dict[str, str]:
    return {"text": saying.text, "user_id": USER, "occurred_at": saying.occurred_at, "source": "demo"}


def _memory(service: Service, outcome: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return service.read(USER, f"/memory/{outcome['memory_id']}").body if outcome["memory_id"] else None


def _note(service: Service, memory: Mapping[str, Any]) -> str:
    """Return what else there is to tell of a memory: that it no longer holds, or that it was said several times."""
    if memory["valid_until"]:
        return f"  (held until {_day(memory['valid_until'])})"
    times = _times_said(service, memory["id"])
    return f"  (said {times} times)" if times > 1 else ""


def _times_said(service: Service, memory_id: str) -> int:
    return int(service.read(USER, f"/memory/{memory_id}/evidence").body["count"])


def _day(moment: str) -> str:
    at = datetime.fromisoformat(moment)
    return f"{at.day} {at:%b %Y}"
