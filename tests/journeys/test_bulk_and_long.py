"""Many things at once, and long ones."""

from __future__ import annotations

from tests.journeys.conftest import User, problem, settled
from tests.support.waiting import until

FILLER = "The committee met again and discussed the minutes of the previous meeting at some length. "


def test_each_of_many_things_has_its_own_outcomes_and_one_that_is_wrong_holds_up_no_other(user: User) -> None:
    items = [
        {"text": "I live in Lisbon. I love hiking."},
        {"text": ""},
        {"text": "Hello!"},
        {"text": "i love hiking"},
        {"text": "The boiler is in the cellar.", "tags": "cellar"},
    ]

    answer = user.call("POST", "/memory/bulk-add", {"items": items}, Idempotency_Key="b1")

    body = answer.json()
    assert answer.status_code == 207
    assert [each["status"] for each in body["items"]] == [207, 422, 200, 200, 422]
    told = [[outcome["outcome"] for outcome in each["outcomes"]] for each in body["items"]]
    assert told == [["stored", "stored"], [], ["skipped_low_signal"], ["merged"], []]
    assert (body["candidates_extracted"], body["candidates_stored"], body["failed"]) == (4, 2, 2)
    assert body["items"][4]["problem"]["errors"][0]["pointer"] == "/tags"
    again = user.call("POST", "/memory/bulk-add", {"items": items}, Idempotency_Key="b1")
    assert [each["outcomes"] for each in again.json()["items"]] == [each["outcomes"] for each in body["items"]]
    assert [each.get("replayed") for each in body["items"]] == [False, None, False, False, None]
    assert [each.get("replayed") for each in again.json()["items"]] == [True, None, True, True, None]
    assert "idempotent-replay" not in answer.headers
    assert again.headers["idempotent-replay"] == "true"
    assert len(user.all()) == 2
    problem(user.call("POST", "/memory/bulk-add", {"items": []}), 422, "validation-failed")
    problem(user.call("POST", "/memory/bulk-add", {"items": [{"text": "x"}] * 51}), 422, "validation-failed")


def test_a_bulk_dry_run_writes_nothing_and_shows_the_candidates(user: User) -> None:
    body = user.call("POST", "/memory/bulk-add", {"items": [{"text": "I love hiking."}], "dry_run": True}).json()

    assert body["items"][0]["outcomes"][0]["text"] == "I love hiking."
    assert body["candidates_stored"] == 0
    assert (body["items"][0]["status"], body["items"][0]["result"]["status"]) == (200, "dry_run")
    assert user.all() == []


def test_a_bulk_dry_run_tells_what_the_items_would_be_to_each_other(user: User) -> None:
    items = [{"text": "I love hiking."}, {"text": "I LOVE hiking!"}, {"text": "I live in Faro."}, {"text": "I live in Lisbon."}]

    def outcomes(**body: bool) -> list[list[str]]:
        answer = user.call("POST", "/memory/bulk-add", {"items": items, **body}).json()
        return [[each["outcome"] for each in item["outcomes"]] for item in answer["items"]]

    foreseen = outcomes(dry_run=True)
    assert foreseen == [["stored"], ["merged"], ["stored"], ["superseded"]]
    assert outcomes() == foreseen


def test_a_long_text_is_one_memory_that_is_found_by_any_detail_and_answered_once_with_the_best_span(user: User) -> None:
    needle = "The spare key of the observatory hangs behind the barometer."
    text = f"# Minutes\n\n{FILLER * 300}\n\n## Keys\n\n{needle}\n\n## Others\n\n{(FILLER * 300).strip()}"

    memory = user.call("POST", "/memory/add", {"text": text})

    assert memory.status_code == 201
    body = memory.json()
    assert (body["text"], body["vector_state"]) == (text, "ready")
    for _ in range(2):
        # Before the index shows it, and after.
        found = user.ask("Where is the spare key of the observatory?", k=5)
        assert [each["id"] for each in found] == [body["id"]]
        assert needle in found[0]["text"]
        assert len(found[0]["text"].encode()) <= 4096
        until(lambda: settled(user, body["id"]))
    assert user.call("DELETE", f"/memory/{body['id']}").status_code == 200
    assert user.ask("Where is the spare key of the observatory?") == []


def test_every_script_is_kept_as_it_is_and_what_no_store_can_keep_is_refused(user: User) -> None:
    texts = [
        "Моя сестра живёт в Киеве.",
        "我的妹妹住在上海。",
        "أختي تعيش في القاهرة.",
        "मेरी बहन दिल्ली में रहती है।",
        "The sign says \u202eabc\u202c, and e\u0301 is two characters 👩‍👩‍👧.",
    ]
    for text in texts:
        body = user.call("POST", "/memory/add", {"text": text}).json()
        assert body["text"] == text
        assert user.call("GET", f"/memory/{body['id']}").json()["text"] == text
    for broken in (b'{"text": "a\\u0000b is so"}', b'{"text": "half \\ud83d of a pair"}'):
        problem(user.call("POST", "/memory/add", broken), 422, "validation-failed")
