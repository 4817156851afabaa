"""Where transcripts are kept: the fake and DynamoDB keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.encryption.fake import FakeKeyStore
from backend.encryption.model import KeyState
from backend.kit.clock import FakeClock
from backend.kit.deletion_marks import GONE
from backend.kit.ids import UlidIds
from backend.tenancy.pepper import TenantMacs
from backend.tenancy.scope import Environment, user_scope
from backend.transcripts.fake import FakeTranscriptStore
from backend.transcripts.model import PAGE_BYTES, Appended, Message, Page, Session, View
from backend.transcripts.ports import TranscriptStore
from backend.transcripts.store import DynamoTranscriptStore
from tests.support.sealing import FixedSecrets, sealer
from tests.support.tables import aws, engine, template_table

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SCOPE = user_scope("acme", "support", Environment.LIVE, "u1")
SESSION = Session.of(SCOPE, "s1")
NEIGHBOURS = (
    Session.of(SCOPE, "s2"),
    Session.of(user_scope("acme", "support", Environment.LIVE, "u2"), "s1"),
    Session.of(user_scope("acme", "sales", Environment.LIVE, "u1"), "s1"),
    Session.of(user_scope("acme", "support", Environment.TEST, "u1"), "s1"),
    Session.of(user_scope("rival", "support", Environment.LIVE, "u1"), "s1"),
)
ALL = View(200)


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest) -> Iterator[TranscriptStore]:
    if request.param == "fake":
        yield FakeTranscriptStore()
        return
    with aws():
        yield on_table()


def on_table(keys: FakeKeyStore | None = None) -> DynamoTranscriptStore:
    table, macs = template_table("StateTable"), TenantMacs(FixedSecrets())
    return DynamoTranscriptStore(table, macs, sealer(keys=keys), UlidIds(FakeClock()))


def said(*contents: str) -> list[Message]:
    return [Message("user", each) for each in contents]


def told(page: Page) -> list[tuple[int, str]]:
    return [(each.sequence, each.message.content) for each in page.entries if each.message]


def test_messages_are_read_as_they_were_said_in_their_order(store: TranscriptStore) -> None:
    whole = Message("user", "Olá, wie geht's?", "Ada", NOW - MINUTE, {"id": ["A-1", 1.5, None]})

    assert store.append(SESSION, [whole, *said("Fine.")], NOW) == Appended(1, 2)
    assert store.append(SESSION, said("And you?"), NOW + MINUTE) == Appended(3, 3)

    page = store.page(SESSION, ALL, None)
    assert page.entries[0].message == whole
    assert told(page)[1:] == [(2, "Fine."), (3, "And you?")]
    assert [each.recorded_at for each in page.entries] == [NOW, NOW, NOW + MINUTE]
    assert page.next_after is None


def test_no_session_shows_what_another_holds(store: TranscriptStore) -> None:
    store.append(SESSION, said("Mine."), NOW)

    for other in NEIGHBOURS:
        assert told(store.page(other, ALL, None)) == []
        assert store.clear(other, NOW) == 0
        assert not store.remove(other, 1, NOW)
        assert store.append(other, said("Theirs."), NOW) == Appended(1, 1)
    assert told(store.page(SESSION, ALL, None)) == [(1, "Mine.")]


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_follow_each_other_and_show_each_message_once(store: TranscriptStore, newest_first: bool) -> None:
    store.append(SESSION, said(*"abcde"), NOW)
    view = View(2, newest_first=newest_first)

    first = store.page(SESSION, view, None)
    second = store.page(SESSION, view, first.next_after)
    third = store.page(SESSION, view, second.next_after)

    shown = [told(each) for each in (first, second, third)]
    places = [(5, "e"), (4, "d"), (3, "c"), (2, "b"), (1, "a")] if newest_first else [(n, c) for n, c in enumerate("abcde", 1)]
    assert shown == [places[:2], places[2:4], places[4:]]
    assert third.next_after is None


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_time_begins_with_its_first_moment_and_ends_before_its_last(store: TranscriptStore, newest_first: bool) -> None:
    for number in range(4):
        store.append(SESSION, said(f"at {number}"), NOW + number * MINUTE)

    page = store.page(SESSION, View(9, newest_first, NOW + MINUTE, NOW + 3 * MINUTE), None)

    assert sorted(told(page)) == [(2, "at 1"), (3, "at 2")]
    assert page.next_after is None


def test_times_never_go_back_though_clocks_do(store: TranscriptStore) -> None:
    store.append(SESSION, said("late"), NOW)
    store.append(SESSION, said("by a slow clock"), NOW - MINUTE)

    assert [each.recorded_at for each in store.page(SESSION, ALL, None).entries] == [NOW, NOW]


def test_the_same_append_again_appends_nothing(store: TranscriptStore) -> None:
    first = store.append(SESSION, said("once", "only"), NOW, "app_1")
    store.append(SESSION, said("between"), NOW, "app_2")

    assert store.append(SESSION, said("once", "only"), NOW, "app_1") == first == Appended(1, 2)
    assert told(store.page(SESSION, ALL, None)) == [(1, "once"), (2, "only"), (3, "between")]


def test_a_message_that_is_removed_leaves_its_place_empty(store: TranscriptStore) -> None:
    store.append(SESSION, said("a", "b", "c"), NOW)

    assert [store.remove(SESSION, 2, NOW), store.remove(SESSION, 2, NOW), store.remove(SESSION, 9, NOW)] == [True, False, False]

    assert store.append(SESSION, said("d"), NOW) == Appended(4, 4)
    assert told(store.page(SESSION, ALL, None)) == [(1, "a"), (3, "c"), (4, "d")]


def test_a_cleared_session_begins_anew(store: TranscriptStore) -> None:
    store.append(SESSION, said(*"abc"), NOW, "app_1")

    assert (store.clear(SESSION, NOW), store.clear(SESSION, NOW)) == (3, 0)

    assert told(store.page(SESSION, ALL, None)) == []
    assert store.append(SESSION, said("anew"), NOW, "app_1") == Appended(1, 1)


@pytest.fixture
def table() -> Iterator[DynamoTranscriptStore]:
    with aws():
        yield on_table()


def items() -> list[dict[str, object]]:
    return template_table("StateTable").scan().items


def test_of_a_cleared_session_only_a_mark_is_left(table: DynamoTranscriptStore) -> None:
    table.append(SESSION, said(*(str(number) for number in range(40))), NOW, "app_1")
    assert table.clear(SESSION, NOW) == 40

    [mark] = items()
    assert str(mark["pk"]).startswith(GONE)


def test_nothing_that_was_said_stands_in_the_table(table: DynamoTranscriptStore) -> None:
    table.append(SESSION, [Message("user", "the secret garden", "Ada Lovelace", NOW, {"note": "the hidden door"})], NOW)

    held = repr(items())
    assert not [word for word in ("secret", "Lovelace", "hidden") if word in held]


def test_a_page_ends_before_it_is_too_large_and_goes_on(table: DynamoTranscriptStore) -> None:
    long = "x" * (PAGE_BYTES // 3)
    for _ in range(3):
        table.append(SESSION, said(long), NOW)

    first = table.page(SESSION, ALL, None)
    rest = table.page(SESSION, ALL, first.next_after)

    assert [len(first.entries), len(rest.entries), rest.next_after] == [2, 1, None]


def test_what_cannot_be_opened_is_there_without_its_words() -> None:
    keys = FakeKeyStore()
    with aws():
        on_table(keys).append(SESSION, said("lost", "too"), NOW)
        [key] = keys.all("acme")
        keys.replace(replace(key, state=KeyState.EXPIRED))
        page = on_table(keys).page(SESSION, ALL, None)

    assert [(each.sequence, each.message) for each in page.entries] == [(1, None), (2, None)]


@pytest.mark.skipif(engine() != "moto", reason="one engine shows it")
def test_who_appends_at_once_gets_places_without_gaps(table: DynamoTranscriptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another writer appends whenever this one has read the session and not yet written."""
    others = iter(("one", "two", "three"))
    reading = table._table.get

    def overtaken(*key: str, consistent: bool = True) -> dict[str, object] | None:
        found = reading(*key, consistent=consistent)
        other = next(others, None)
        if other:
            on_table().append(SESSION, said(other), NOW)
        return found

    monkeypatch.setattr(type(table._table), "get", lambda _, *key, consistent=True: overtaken(*key, consistent=consistent))
    mine = table.append(SESSION, said("mine", "also mine"), NOW)
    monkeypatch.undo()

    page = table.page(SESSION, ALL, None)
    assert [each.sequence for each in page.entries] == [1, 2, 3, 4, 5]
    assert told(page)[mine.first - 1 : mine.last] == [(mine.first, "mine"), (mine.last, "also mine")]
