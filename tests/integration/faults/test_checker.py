"""The judge of histories is judged: it lets pass what may be, and names what must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.faults.checker import Checker
from tests.integration.faults.history import Add, Ask, Asked, End, Event, Forget, Get, History, ListAll, Told, Work
from tests.unit.memories.samples import ACME, NEIGHBOUR

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
FERRY, OBOE = "The ferry leaves at nine.", "Paul plays the oboe."
ADD = Add(1, ACME, (FERRY,), keyed=True)
PLAIN = Add(2, ACME, (FERRY,), keyed=False, deduplicate=False)
FORGET = Forget(3, ACME, "m1", keyed=False)
NOT_FOUND, GONE = "MemoryNotFoundError", "GoneError"


def told(memory_id: str = "m1", text: str = FERRY, *, expires_in: int | None = None, scope_key: str = ACME.home) -> Told:
    """Return a memory as an answer shows it; it expires so many minutes after the history began."""
    return Told(memory_id, scope_key, text, START + timedelta(minutes=expires_in) if expires_in else None)


def done(asked: Asked, *memories: Told, degraded: tuple[str, ...] = ()) -> Event:
    return Event(asked, START, START, End.DONE, memories, degraded)


def unknown(asked: Asked) -> Event:
    return Event(asked, START, START, End.UNKNOWN, why="OutcomeUnknownError")


def refused(asked: Asked, why: str = NOT_FOUND) -> Event:
    return Event(asked, START, START, End.REFUSED, why=why)


def later(event: Event, minutes: int = 90) -> Event:
    """Return the event as if it had happened later."""
    moment = START + timedelta(minutes=minutes)
    return Event(event.asked, moment, moment, event.end, event.told, event.degraded, event.why)


def findings(*events: Event) -> list[str]:
    return [found.partition(":")[0] for found in Checker().read(History(list(events)))]


GET, LIST, ASK = Get(ACME, "m1"), ListAll(ACME, 5), Ask(ACME, FERRY)
FINE = {
    "an add, then everything shows it": (done(ADD, told()), done(GET, told()), done(LIST, told()), done(ASK, told())),
    "a replay": (done(ADD, told()), done(ADD, told())),
    "a forget, then nothing shows it": (done(ADD, told()), done(FORGET), refused(GET), done(LIST), done(ASK)),
    "an add without an answer that happened": (unknown(ADD), done(LIST, told()), done(ADD, told())),
    "an add without an answer that did not happen": (unknown(ADD), done(LIST), done(ASK)),
    "a forget without an answer that happened": (done(ADD, told()), unknown(FORGET), refused(GET), done(LIST)),
    "a forget without an answer that did not": (done(ADD, told()), unknown(FORGET), done(GET, told()), done(LIST, told())),
    "what has expired": (done(ADD, told(expires_in=60)), later(done(LIST)), later(refused(ADD, GONE))),
    "a fact added twice without the guard": (done(ADD, told()), done(PLAIN, told("m2")), done(LIST, told(), told("m2"))),
    "a question without the index": (done(ADD, told()), done(ASK, degraded=("index",))),
    "somebody else's memory is not found": (done(ADD, told()), refused(Get(NEIGHBOUR, "m1"))),
    "a read that nobody answered": (done(ADD, told()), unknown(GET), unknown(LIST)),
}
WRONG = {
    "lost from a get": ((done(ADD, told()), refused(GET)), "did not show a memory that lives"),
    "lost from a list": ((done(ADD, told()), done(LIST)), "did not show a memory that lives"),
    "lost from a question": ((done(ADD, told()), done(ASK)), "did not show a memory that lives"),
    "lost from a question by words": ((done(ADD, told()), done(ASK, degraded=("semantic",))), "did not show a memory that lives"),
    "gone and back in a get": ((done(ADD, told()), done(FORGET), done(GET, told())), "showed a memory that is gone"),
    "gone and back in a question": ((done(ADD, told()), done(FORGET), done(ASK, told())), "showed a memory that is gone"),
    "gone and back by a replay": ((done(ADD, told()), done(FORGET), done(ADD, told())), "showed a memory that is gone"),
    "gone after doubt, then back": (
        (done(ADD, told()), unknown(FORGET), refused(GET), done(LIST, told())),
        "showed a memory that is gone",
    ),
    "there after doubt, then lost": (
        (done(ADD, told()), unknown(FORGET), done(GET, told()), done(LIST)),
        "did not show a memory that lives",
    ),
    "a replay that stores another": (
        (done(ADD, told()), done(ADD, told("m2"))),
        "answered with other memories than the first time",
    ),
    "a fact stored twice": (
        (done(ADD, told()), done(Add(4, ACME, (FERRY,), keyed=False), told("m2"))),
        "stored a fact that is there already",
    ),
    "a fact listed twice": ((unknown(ADD), done(LIST, told(), told("m2"))), "listed a fact more often than it was added"),
    "a memory listed twice": ((done(ADD, told()), done(LIST, told(), told())), "listed a memory twice"),
    "a memory of nobody": ((done(LIST, told()),), "showed a memory that nobody added"),
    "a neighbour's memory": ((done(ADD, told()), done(ListAll(NEIGHBOUR, 5), told())), "showed somebody else's memory"),
    "a neighbour's forget": ((done(ADD, told()), done(Forget(5, NEIGHBOUR, "m1", keyed=False))), "forgot somebody else's memory"),
    "another text": ((done(ADD, told()), done(GET, told(text=OBOE))), "showed another text than before"),
    "an answer to another add": ((done(ADD, told(text=OBOE)),), "answered with other texts than were sent"),
    "forgotten twice": (
        (done(ADD, told()), done(FORGET), done(Forget(6, ACME, "m1", keyed=True))),
        "forgot what was gone",
    ),
    "called gone while it lives": ((done(ADD, told()), refused(ADD, GONE)), "called gone what lives"),
    "called gone and never there": ((refused(ADD, GONE),), "called gone what was never there"),
    "expired and shown": (
        (done(ADD, told(expires_in=60)), later(done(GET, told(expires_in=60)))),
        "showed a memory that is gone",
    ),
    "not expired and lost": ((done(ADD, told(expires_in=60)), later(done(LIST), 59)), "did not show a memory that lives"),
    "an error that no answer may have": (
        (Event(Work("sweep"), START, START, End.BROKEN, why="KeyError"),),
        "ended with KeyError",
    ),
    "a refusal that does not fit": ((refused(ADD, NOT_FOUND),), "ended with MemoryNotFoundError"),
}


@pytest.mark.parametrize("events", FINE.values(), ids=FINE)
def test_what_may_be_passes(events: tuple[Event, ...]) -> None:
    assert findings(*events) == []


@pytest.mark.parametrize(("events", "finding"), WRONG.values(), ids=WRONG)
def test_what_must_not_be_is_named(events: tuple[Event, ...], finding: str) -> None:
    assert finding in findings(*events)
