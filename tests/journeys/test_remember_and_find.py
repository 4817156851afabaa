"""The main job: what is added is found again, by meaning and by word, and is gone when it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.journeys.conftest import User, problem, settled
from tests.support.files import bytes_beside
from tests.support.waiting import until


def test_what_was_added_is_found_by_its_meaning(user: User) -> None:
    for text in ("Her puppy is called Biscuit.", "The dentist moved the appointment.", "Rent is due on the first."):
        user.add(text)

    best = user.ask("What is the name of the dog?", k=1)

    assert [memory["text"] for memory in best] == ["Her puppy is called Biscuit."]


def test_an_answer_to_an_add_says_everything_about_the_memory(user: User) -> None:
    answer = user.call(
        "POST",
        "/memory/add",
        {
            "content": "We meet on Thursday.",
            "user_id": "u1",
            "source": "confluence",
            "event_type": "note",
            "tags": ["q4", "q4"],
            "importance": 0.9,
            "session_id": "s1",
            "metadata": {"source": "wiki", "native_id": "A-1"},
            "occurred_at": "2026-10-02T11:00:00+02:00",
            "speaker": "Ada",
            "colour": "red",
        },
    )

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"r1"'
    assert body["text"] == "We meet on Thursday."
    assert (body["source"], body["metadata"]) == ("confluence", {"source": "wiki", "native_id": "A-1"})
    assert (body["tags"], body["importance"], body["tier"], body["revision"]) == (["q4"], 0.9, "hot", 1)
    assert body["occurred_at"] == "2026-10-02T09:00:00.000Z"
    assert body["vector_state"] == "ready"
    assert body["outcomes"] == [{"candidate": 0, "outcome": "stored", "memory_id": body["id"], "rule": None}]
    assert (body["memory_ids"], body["candidates_extracted"], body["candidates_stored"]) == ([body["id"]], 1, 1)
    assert body["warnings"] == ["Unknown field 'colour' was not used."]
    assert body["request_id"]
    read = user.call("GET", f"/memory/{body['id']}")
    assert read.status_code == 200
    assert read.json()["text"] == "We meet on Thursday."


def test_the_next_query_finds_an_own_write_every_time(user: User) -> None:
    for number in range(25):
        text = f"Locker {number} holds item {number * 7}."
        user.add(text)
        assert user.ask(text, k=1)[0]["text"] == text


def test_the_index_comes_to_hold_what_was_added(user: User) -> None:
    memory = user.add("The boiler was serviced in May.")

    until(lambda: settled(user, memory["id"]))
    assert user.ask("When was the heating looked after?", k=1)[0]["id"] == memory["id"]


def test_the_same_fact_again_becomes_evidence_of_the_first(user: User) -> None:
    first = user.add("I prefer tea.")
    second = user.call("POST", "/memory/add", {"text": "  i prefer TEA!  "})

    assert second.status_code == 200
    assert second.json()["id"] == first["id"]
    assert second.json()["outcomes"][0] == {
        "candidate": 0,
        "outcome": "merged",
        "memory_id": first["id"],
        "rule": "extracted_key",
    }
    assert len(user.all()) == 1


def test_the_same_words_of_two_speakers_are_two_facts(user: User) -> None:
    ids = {user.add("I love hiking.", speaker=who)["id"] for who in ("Ada", "Bob")}

    assert len(ids) == 2


def test_deduplicate_false_stores_the_same_text_twice(user: User) -> None:
    ids = {user.add("I prefer tea.", deduplicate=False)["id"] for _ in range(2)}

    assert len(ids) == 2


def test_one_fact_added_by_many_at_once_is_stored_once(user: User) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: user.add("The meeting is at noon."), range(16)))

    assert len({answer["id"] for answer in answers}) == 1
    assert [answer["outcomes"][0]["outcome"] for answer in answers].count("stored") == 1


def test_a_dry_run_says_what_would_happen_and_does_nothing(user: User) -> None:
    answer = user.call("POST", "/memory/add", {"text": "I live in Oslo.", "dry_run": True}).json()

    assert answer["status"] == "dry_run"
    assert answer["outcomes"][0]["outcome"] == "stored"
    assert answer["outcomes"][0]["text"] == "I live in Oslo."
    assert user.all() == []


def test_the_same_idempotency_key_gives_the_same_memory(user: User) -> None:
    first = user.call("POST", "/memory/add", {"text": "Seat 12A."}, Idempotency_Key="k1")
    again = user.call("POST", "/memory/add", {"text": "Seat 12A."}, Idempotency_Key="k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replay"] == "true"
    assert "idempotent-replay" not in first.headers
    assert {**again.json(), "request_id": ""} == {**first.json(), "request_id": ""}


def test_client_ref_is_another_name_for_the_idempotency_key(user: User) -> None:
    first = user.add("Gate 7.", client_ref="ref-1")
    again = user.call("POST", "/memory/add", {"text": "Gate 7.", "client_ref": "ref-1"})

    assert (again.json()["id"], again.headers["idempotent-replay"]) == (first["id"], "true")


def test_a_deleted_memory_is_neither_read_nor_found_nor_listed(user: User) -> None:
    memory = user.add("The safe's code is in the blue book.")

    answer = user.call("DELETE", f"/memory/{memory['id']}")

    assert (answer.status_code, answer.json()["state"]) == (200, "soft_deleted")
    problem(user.call("GET", f"/memory/{memory['id']}"), 404, "memory-not-found")
    problem(user.call("DELETE", f"/memory/{memory['id']}"), 404, "memory-not-found")
    assert user.ask("Where is the code of the safe?") == []
    assert user.all() == []


def test_no_word_of_a_memory_is_ever_in_the_index_file(user: User) -> None:
    if not user.stack.outputs()["SearchEndpoint"].startswith("file:"):
        pytest.skip("The index is no file here; tests/engines looks into the files of OpenSearch.")
    memory = user.add("Quagmirezebra is the password of the vault.")

    def held(what: bytes) -> bool:
        return what in bytes_beside(user.stack.index).lower()

    until(lambda: held(memory["id"].lower().encode()))
    assert not held(b"quagmirezebra")
    user.call("DELETE", f"/memory/{memory['id']}")
    assert user.ask("quagmirezebra") == []
    assert not held(b"quagmirezebra")


def test_deleting_under_one_key_twice_gives_the_same_answer(user: User) -> None:
    memory = user.add("Old address: Elm Street.")

    first = user.call("DELETE", f"/memory/{memory['id']}", Idempotency_Key="d1")
    again = user.call("DELETE", f"/memory/{memory['id']}", Idempotency_Key="d1")

    assert (first.status_code, again.status_code, again.headers["idempotent-replay"]) == (200, 200, "true")
    assert again.json()["forgotten_at"] == first.json()["forgotten_at"]


def test_a_forgotten_fact_can_be_added_again(user: User) -> None:
    first = user.add("I play the cello.")
    user.call("DELETE", f"/memory/{first['id']}")

    second = user.add("I play the cello.")

    assert second["id"] != first["id"]
    assert [memory["id"] for memory in user.ask("Which instrument?")] == [second["id"]]


def test_a_list_goes_page_by_page_from_the_newest(user: User) -> None:
    added = [user.add(f"Note number {number}")["id"] for number in range(7)]

    pages: list[list[str]] = []
    cursor = ""
    while not pages or cursor:
        page = user.call("GET", f"/memory?limit=3{cursor and '&cursor=' + cursor}").json()
        pages.append([memory["id"] for memory in page["items"]])
        cursor = page["next_cursor"] or ""
        assert page["has_more"] is bool(cursor)

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [memory_id for page in pages for memory_id in page] == added[::-1]


def test_a_list_shows_what_its_parameters_ask_for(user: User) -> None:
    first = user.add("I prefer tea to coffee.", source="chat", tags=["home", "drink"])
    second = user.add("My sister lives in Porto.", source="mail", tags=["family"])
    third = user.add("I visited the old mill in May.", source="chat", tags=["home"])
    ids = {first["id"]: 1, second["id"]: 2, third["id"]: 3}

    def listed(query: str) -> list[int]:
        answer = user.call("GET", f"/memory?{query}")
        assert answer.status_code == 200, answer.text
        return [ids[each["id"]] for each in answer.json()["items"]]

    assert listed("") == [3, 2, 1]
    assert listed("source=chat") == [3, 1]
    assert listed("source=chat&source=mail") == [3, 2, 1]
    assert (listed("tag=home"), listed("tag=drink&tag=family"), listed("tag=nobody")) == ([3, 1], [2, 1], [])
    assert listed(f"memory_type={first['memory_type']}") == [1]
    assert [first["memory_type"], second["category"], third["category"]] == ["preference", "factual", "episodic"]
    assert (listed("category=episodic"), listed("category=factual&category=preference")) == ([3], [2, 1])
    assert (listed(f"since={second['created_at']}"), listed(f"until={second['created_at']}")) == ([3, 2], [1])
    assert listed(f"since={first['created_at']}&until={third['created_at']}&source=mail") == [2]
    assert listed("source=chat&tag=drink&limit=1") == [1]
    assert listed("as_of=2020-01-01T00:00:00Z") == []
    problem(user.call("GET", "/memory?category=colour"), 422, "validation-failed")
    naive = user.call("GET", "/memory?since=2020-01-01T00:00:00").json()
    assert naive["warnings"] == ["'since' has no offset and was read as UTC."]


def test_filters_act_inside_the_search(user: User) -> None:
    for number in range(12):
        user.add(f"The red car has dent {number}.", source="chat", tags=["car"])
    wanted = user.add(
        "The red car was sold.", source="confluence", tags=["sale"], metadata={"space": "ENG", "pages": 12}, session_id="s9"
    )["id"]

    for filters in (
        {"sources": ["confluence"]},
        {"tags": ["sale"]},
        {"metadata": {"space": "ENG", "pages": {"gt": 11, "lte": 12}}},
        {"session_id": "s9"},
    ):
        assert [memory["id"] for memory in user.ask("red car", k=5, filters=filters)] == [wanted]
    assert user.ask("red car", filters={"tier": ["cold"]}) == []
    assert user.ask("red car", filters={"since": "2099-01-01T00:00:00Z"}) == []


def test_a_memory_with_a_time_to_live_is_there_until_then(user: User) -> None:
    memory = user.add("Parking code 4711.", ttl_minutes=5)

    assert memory["expires_at"] > memory["created_at"]
    assert user.ask("parking code", k=1)[0]["id"] == memory["id"]


def test_a_long_text_is_answered_by_its_best_part(user: User) -> None:
    filler = "The committee discussed the weather at length and reached no decision. " * 120
    text = f"{filler}The launch code for the ferry is marigold. {filler}".strip()
    memory = user.add(text)

    short = user.ask("What is the launch code of the ferry?", k=1)[0]
    whole = user.ask("What is the launch code of the ferry?", k=1, full_text=True)[0]

    assert short["text_truncated"] is True
    assert "marigold" in short["text"]
    assert len(short["text"].encode()) <= 4096
    assert text[slice(*short["span"])] == short["text"]
    assert (whole["id"], whole["text"], whole["text_truncated"]) == (memory["id"], text, False)


def test_words_of_any_script_are_remembered_and_found(user: User) -> None:
    for text in ("我喜欢喝绿茶", "Меня зовут Ольга", "שלום עולם", "The café's piñata 🎉"):
        user.add(text)

    assert user.ask("绿茶", k=1)[0]["text"] == "我喜欢喝绿茶"
    assert user.ask("Ольга", k=1)[0]["text"] == "Меня зовут Ольга"


def test_two_end_users_never_see_each_other(new_user: Callable[..., User]) -> None:
    user = new_user()
    mine = user.add("My salary is 50,000.")
    other = {"X_End_User_ID": "u2"}

    assert user.call("POST", "/memory/query", {"query": "salary"}, **other).json()["memories"] == []
    assert user.call("GET", "/memory", **other).json()["items"] == []
    problem(user.call("GET", f"/memory/{mine['id']}", **other), 404, "memory-not-found")
    problem(user.call("DELETE", f"/memory/{mine['id']}", **other), 404, "memory-not-found")
    assert user.ask("salary")[0]["id"] == mine["id"]


def test_the_service_says_what_it_is(user: User) -> None:
    health, ready, version = (user.http.get(path) for path in ("/health", "/health/ready", "/version"))
    contract = user.http.get("/openapi.json").json()

    assert health.json() == {"status": "ok"}
    assert ready.json() == {"status": "ok", "checks": {"table": "ok", "index": "ok", "embedder": "ok"}}
    assert version.json()["stage"] == "local"
    assert {"/memory/add", "/memory/query", "/memory/{id}", "/memory"} <= contract["paths"].keys()
