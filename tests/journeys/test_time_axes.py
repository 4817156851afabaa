"""Two axes of time: what held in the world at a moment, and what was known at a moment."""

from __future__ import annotations

from tests.journeys.conftest import User, problem


def test_as_of_tells_what_held_and_known_at_what_was_known(user: User) -> None:
    old = user.call("POST", "/memory/add", {"text": "I live in Lisbon.", "valid_from": "2024-01-01T00:00:00Z"}).json()
    known = user.call("GET", f"/memory/{old['id']}").json()["updated_at"]
    new = user.call("POST", "/memory/add", {"text": "I live in Porto now.", "valid_from": "2025-06-01T00:00:00Z"}).json()

    assert new["outcomes"][0]["outcome"] == "superseded"
    # In the world: Lisbon until June 2025, Porto since.
    for moment, text in (("2024-05-01T00:00:00Z", "I live in Lisbon."), ("2025-07-01T00:00:00Z", "I live in Porto now.")):
        found = user.ask("Where do I live?", as_of=moment)
        assert [each["text"] for each in found] == [text]
        listed = user.call("GET", f"/memory?as_of={moment}").json()["items"]
        assert [each["text"] for each in listed] == [text]
    assert user.ask("Where do I live?", as_of="2020-01-01T00:00:00Z") == []
    # What was known before the second was said: Lisbon, with no end.
    before = user.call("GET", f"/memory/{old['id']}?known_at={known}").json()
    assert (before["valid_until"], before["revision"]) == (None, 1)
    assert user.call("GET", f"/memory/{old['id']}").json()["valid_until"] == "2025-06-01T00:00:00.000Z"
    assert [each["text"] for each in user.ask("Where do I live?", known_at=known)] == ["I live in Lisbon."]
    listed = user.call("GET", f"/memory?known_at={known}").json()["items"]
    assert [(each["text"], each["valid_until"]) for each in listed] == [("I live in Lisbon.", None)]
    problem(user.call("GET", f"/memory/{old['id']}?as_of=2026-01-01T00:00:00Z"), 404, "memory-not-found")
    problem(user.call("GET", f"/memory/{new['id']}?known_at={known}"), 404, "memory-not-found")


def test_a_statement_that_arrives_late_is_kept_as_what_held_until_the_newer_one_began(user: User) -> None:
    user.call("POST", "/memory/add", {"text": "I work at Siemens.", "occurred_at": "2026-03-01T00:00:00Z"})

    late = user.call("POST", "/memory/add", {"text": "I work at Bosch.", "occurred_at": "2025-03-01T00:00:00Z"}).json()

    assert late["outcomes"][0]["outcome"] == "stored"
    assert late["valid_until"] == "2026-03-01T00:00:00.000Z"
    assert [each["text"] for each in user.ask("Where do I work?")] == ["I work at Siemens."]
    assert [each["text"] for each in user.ask("Where do I work?", as_of="2025-09-01T00:00:00Z")] == ["I work at Bosch."]


def test_a_time_without_an_offset_is_read_as_utc_and_said_so(user: User) -> None:
    body = user.call("POST", "/memory/add", {"text": "The roof was mended.", "occurred_at": "2026-03-01T09:00:00"}).json()

    assert body["occurred_at"] == "2026-03-01T09:00:00.000Z"
    assert body["warnings"] == ["'occurred_at' has no offset and was read as UTC."]
