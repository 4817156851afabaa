"""Appending to transcripts once, however often it is asked for."""

from __future__ import annotations

import pytest

from backend.kit.clock import FakeClock
from backend.kit.errors import IdempotencyKeyReusedError, OutcomeUnknownError
from backend.kit.ids import FakeIds
from backend.memories.fake_requests import FakeRequestLog
from backend.transcripts.fake import FakeTranscriptStore
from backend.transcripts.model import Appended, Message, Session, View
from backend.transcripts.ports import TranscriptStore
from backend.transcripts.service import Transcripts
from tests.unit.memories.samples import ACME, keyed

SESSION = Session.of(ACME, "s1")
HELLO = [Message("user", "Hello.")]


class LostAnswers(FakeTranscriptStore):
    """Appends once without saying so."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = False

    def append(self, *arguments: object) -> Appended:
        """Append, and lose the first answer."""
        appended = super().append(*arguments)  # type: ignore[arg-type]  # handed on as they came
        if not self.lost:
            self.lost = True
            raise OutcomeUnknownError
        return appended


def transcripts(store: TranscriptStore) -> Transcripts:
    ids = FakeIds()
    return Transcripts(store=store, requests=FakeRequestLog(ids), clock=FakeClock(), ids=ids)


def count(keeping: Transcripts) -> int:
    return len(keeping.page(SESSION, View(50), None).entries)


def test_a_repeated_append_gives_the_same_places() -> None:
    keeping = transcripts(FakeTranscriptStore())

    assert keeping.append(SESSION, HELLO, keyed()) == (Appended(1, 1), False)
    assert keeping.append(SESSION, HELLO, None) == (Appended(2, 2), False)
    assert keeping.append(SESSION, HELLO, keyed()) == (Appended(1, 1), True)
    with pytest.raises(IdempotencyKeyReusedError):
        keeping.append(SESSION, HELLO, keyed(body="other"))
    assert count(keeping) == 2


def test_an_append_whose_answer_was_lost_is_found_by_the_next_attempt() -> None:
    keeping = transcripts(LostAnswers())
    with pytest.raises(OutcomeUnknownError):
        keeping.append(SESSION, HELLO, keyed())

    assert keeping.append(SESSION, HELLO, keyed()) == (Appended(1, 1), False)
    assert count(keeping) == 1


@pytest.mark.parametrize(("sequence", "gone", "left"), [(2, 1, 2), (9, 0, 3), (None, 3, 0)])
def test_a_repeated_delete_says_what_the_first_said(sequence: int | None, gone: int, left: int) -> None:
    keeping = transcripts(FakeTranscriptStore())
    keeping.append(SESSION, HELLO * 3, None)

    assert keeping.delete(SESSION, sequence, keyed()) == (gone, False)
    assert keeping.delete(SESSION, sequence, keyed()) == (gone, True)
    assert keeping.delete(SESSION, sequence, None) == (0, False)
    assert count(keeping) == left
