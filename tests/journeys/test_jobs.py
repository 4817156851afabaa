"""What is begun by a request and done afterwards, and what happens when its time is up, on the deployed stack with its roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.journeys.conftest import User, problem, settled
from tests.support.waiting import until

LONG_AGO = "2020-01-01T00:00:00.000Z"
FACTS = ("I live in Lisbon.", "My sister plays the cello.", "The spare key hangs behind the blue door.")


class Rows:
    """The memories table, seen past the service: to let time pass that no test can wait for."""

    def __init__(self, user: User) -> None:
        self._client = user.stack.client("dynamodb")
        self._table = user.stack.outputs()["MemoriesTableName"]

    def get(self, pk: str, sk: str) -> dict[str, Any]:
        """Return an item in the service's form."""
        found: dict[str, Any] = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )["Item"]
        return found

    def date(self, pk: str, sk: str, **moments: str) -> None:
        """Give an item other moments; what is due then is due now."""
        item = self.get(pk, sk)
        item.update({name: {"S": moment} for name, moment in moments.items()})
        if "due_sk" in item:
            item["due_sk"] = {"S": LONG_AGO + item["due_sk"]["S"][len(LONG_AGO) :]}
        self._client.put_item(TableName=self._table, Item=item)


def owner(user: User) -> dict[str, str]:
    return {"X_API_Key": user.key(scopes=["org:*"]), "X_End_User_ID": ""}


def ended(user: User, job_id: str) -> dict[str, Any]:
    """Run the jobs until this refresh has ended; return it."""
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        user.stack.invoke("RunJobs", {})
        found.update(user.call("GET", f"/memory/refresh/{job_id}").json())
        return found["status"] in {"succeeded", "failed"}

    until(has_ended)
    return found


def test_a_refresh_reads_all_of_an_end_users_memories_anew(user: User, new_user: Callable[..., User]) -> None:
    for fact in FACTS:
        user.add(fact)

    begun = user.call("POST", "/memory/refresh", {}, Idempotency_Key="r1")
    assert (begun.status_code, begun.json()["status"]) == (202, "queued")
    again = user.call("POST", "/memory/refresh", {}, Idempotency_Key="r1")
    assert (again.json()["job_id"], again.headers["idempotent-replay"]) == (begun.json()["job_id"], "true")

    job = ended(user, begun.json()["job_id"])

    assert (job["status"], job["counts"]["seen"], job["counts"]["failed"]) == ("succeeded", len(FACTS), 0)
    problem(new_user().call("GET", f"/memory/refresh/{job['job_id']}"), 404, "job-not-found")
    problem(user.call("GET", f"/memory/refresh/{job['job_id']}", X_End_User_ID="u2"), 404, "job-not-found")


def test_a_refresh_may_come_without_a_body_and_names_memories_with_one(user: User) -> None:
    memory = user.add(FACTS[0])

    first = user.call("POST", "/memory/refresh")
    assert first.status_code == 202
    refused = problem(user.call("POST", "/memory/refresh"), 409, "job-already-running")
    assert refused["job_id"] == first.json()["job_id"]
    ended(user, first.json()["job_id"])
    named = user.call("POST", "/memory/refresh", {"memory_ids": [memory["id"]]})

    assert ended(user, named.json()["job_id"])["counts"] == {"seen": 1, "changed": 0, "skipped": 1, "failed": 0}


def test_a_rotated_key_seals_everything_again_and_the_old_one_may_go(user: User) -> None:
    memories = [user.add(fact, infer=False) for fact in FACTS]
    changed = user.call("PATCH", f"/memory/{memories[0]['id']}", {"tags": ["home"]})
    assert changed.status_code == 200
    rows, key = Rows(user), owner(user)

    rotated = user.call("POST", "/org/encryption/rotate", {"retire_after_days": 1}, **key)
    assert (rotated.status_code, rotated.json()["key_version"]) == (202, 2), rotated.text
    rows.date(f"J#{user.tenant_id}", rotated.json()["job_id"], due_at=LONG_AGO)
    rows.date(f"D#{user.tenant_id}", "DATAKEY#000002", created_at=LONG_AGO)
    until(
        lambda: (
            user.stack.invoke("RunJobs", {})["pages"] >= 0 and user.call("GET", "/org/encryption", **key).json()["job"] is None
        )
    )

    places = [(each["id"], sk) for each in memories for sk in ("ROW",)] + [(memories[0]["id"], "REV#000000001")]
    versions = [rows.get(f"M#{user.tenant_id}#{memory_id}", sk)["sealed"]["B"][1:5] for memory_id, sk in places]
    assert versions == [(2).to_bytes(4)] * len(places)
    assert [user.call("GET", f"/memory/{each['id']}").json()["text"] for each in memories] == list(FACTS)
    states = [each["state"] for each in user.call("GET", "/org/encryption", **key).json()["versions"]]
    assert states == ["active", "retired"]


def test_a_rotation_is_for_those_who_may(user: User) -> None:
    assert problem(user.call("POST", "/org/encryption/rotate", {}), 403, "scope-denied")["required_scope"] == "org:*"
    problem(user.call("GET", "/org/encryption"), 403, "scope-denied")


def test_what_has_expired_is_gone_at_once_and_forgotten_by_the_next_sweep(user: User) -> None:
    memory = user.add(FACTS[1], infer=False, ttl_minutes=60)
    until(lambda: settled(user, memory["id"]))
    rows, place = Rows(user), (f"M#{user.tenant_id}#{memory['id']}", "ROW")
    rows.date(*place, expires_at=LONG_AGO)

    problem(user.call("GET", f"/memory/{memory['id']}"), 404, "memory-not-found")
    assert user.all() == []
    assert user.stack.invoke("RemoveExpired", {})["expired"] >= 0

    until(lambda: rows.get(*place)["state"]["S"] == "soft_deleted")
    until(lambda: settled(user, memory["id"]))
    assert user.ask("cello") == []
