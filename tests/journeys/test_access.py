"""Who may come in and what they may touch, over HTTP: nothing leaks, whatever is tried."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.journeys.conftest import User, problem
from tests.support.waiting import until

ISSUER = "https://login.example.com/"


def changed(key: str, at: int) -> str:
    """Return the key with another character there."""
    return key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda _: "nonsense",
        lambda key: key[:-1],
        lambda key: key + "x",
        lambda key: changed(key, -1),
        lambda key: changed(key, 12),
        lambda key: changed(key, 40),
        lambda key: key.replace("ms_live_", "ms_test_"),
        lambda key: key.upper(),
    ],
    ids=["none", "nonsense", "cut", "longer", "checksum", "public id", "secret", "another environment", "upper case"],
)
def test_a_key_that_is_not_right_to_the_letter_opens_nothing(passer_by: User, spoil: Callable[[str], str]) -> None:
    answers = [
        passer_by.call("POST", "/memory/query", {"query": "a"}, X_API_Key=spoil(passer_by.api_key)),
        passer_by.call("GET", "/memory", X_API_Key=spoil(passer_by.api_key)),
    ]

    bodies = [{**problem(answer, 401, "unauthorized"), "request_id": "", "instance": ""} for answer in answers]
    assert bodies[0] == bodies[1]
    assert all("www-authenticate" in answer.headers for answer in answers)


def test_a_revoked_key_is_refused_within_seconds(new_user: Callable[..., User]) -> None:
    user = new_user()
    user.add("Before.")
    public_id = user.operate("list_keys")["items"][0]["public_id"]

    user.operate("revoke_key", public_id=public_id)

    until(lambda: user.call("GET", "/memory").status_code == 401)
    assert user.call("GET", "/memory", X_API_Key=user.key()).status_code == 200


def test_an_expired_key_is_refused(user: User) -> None:
    soon = time.time() + 5
    key = user.key(expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon)))

    until(lambda: user.call("GET", "/memory", X_API_Key=key).status_code == 401)


def test_a_key_may_do_only_what_its_scopes_say(user: User) -> None:
    reader = user.key(scopes=["memory:read"])
    memory = user.add("Mine.")

    assert user.call("GET", f"/memory/{memory['id']}", X_API_Key=reader).status_code == 200
    for method, path, body in (("POST", "/memory/add", {"text": "a"}), ("DELETE", f"/memory/{memory['id']}", None)):
        answer = problem(user.call(method, path, body, X_API_Key=reader), 403, "scope-denied")
        assert answer["required_scope"].startswith("memory:")


def test_environments_do_not_see_each_other(user: User) -> None:
    live = user.add("Only for real.")
    test_key = user.key(environment="test")

    assert test_key.startswith("ms_test_")
    problem(user.call("GET", f"/memory/{live['id']}", X_API_Key=test_key), 404, "memory-not-found")
    assert user.call("GET", "/memory", X_API_Key=test_key).json()["items"] == []


def test_tenants_do_not_see_each_other(new_user: Callable[..., User]) -> None:
    acme, rival = new_user(), new_user()
    memory = acme.add("Our margin is 40 %.")

    problem(rival.call("GET", f"/memory/{memory['id']}"), 404, "memory-not-found")
    problem(rival.call("DELETE", f"/memory/{memory['id']}"), 404, "memory-not-found")
    assert rival.ask("What is the margin?") == []
    problem(rival.call("GET", "/memory", X_Tenant_ID=acme.tenant_id), 403, "forbidden")
    problem(rival.call("GET", "/memory", X_Tenant_ID="no-such-tenant"), 403, "forbidden")


def test_projects_do_not_see_each_other(user: User) -> None:
    user.operate("create_project", name="Other", project_id="other")
    memory = user.add("Main only.")

    problem(user.call("GET", f"/memory/{memory['id']}", X_Project_ID="other"), 404, "memory-not-found")
    assert user.call("POST", "/memory/query", {"query": "Main"}, X_Project_ID="other").json()["memories"] == []
    missing = problem(user.call("GET", "/memory", X_Project_ID="nowhere"), 404, "project-not-found")
    assert missing["errors"][0]["pointer"] == "header:X-Project-ID"


def test_a_key_locked_to_a_project_needs_no_header_and_takes_no_other(user: User) -> None:
    user.operate("create_project", name="Other", project_id="other")
    locked = user.key(project_id="main")
    memory = user.add("Main only.")

    assert user.call("GET", f"/memory/{memory['id']}", X_API_Key=locked, X_Project_ID="").status_code == 200
    problem(user.call("GET", "/memory", X_API_Key=locked, X_Project_ID="other"), 403, "forbidden")


def test_without_a_project_a_strict_tenant_is_told_to_name_one(user: User) -> None:
    answer = problem(user.call("POST", "/memory/add", {"text": "a"}, X_Project_ID=""), 400, "project-required")

    assert answer["errors"][0]["pointer"] == "header:X-Project-ID"
    assert user.all() == []


def test_without_a_project_a_compat_tenant_is_answered_warned_and_audited(new_user: Callable[..., User]) -> None:
    user = new_user(scope_mode="compat")
    user.operate("create_project", name="Other", project_id="other")
    main = user.add("In main.")
    other = user.call("POST", "/memory/add", {"text": "In other."}, X_Project_ID="other").json()
    none = user.call("POST", "/memory/add", {"text": "In none."}, X_Project_ID="").json()
    user.call("POST", "/memory/add", {"text": "Of somebody else."}, X_End_User_ID="u2")

    answer = user.call("POST", "/memory/query", {"query": "In"}, X_Project_ID="")

    assert {memory["id"] for memory in answer.json()["memories"]} == {main["id"], other["id"], none["id"]}
    assert answer.headers["x-scope-warning"] == "project_missing"
    assert "x-scope-warning" not in user.call("GET", "/memory").headers
    table = user.stack.outputs()["AuditTableName"]
    entries = user.stack.client("dynamodb").scan(TableName=table)["Items"]
    mine = [json.dumps(entry) for entry in entries if entry["pk"]["S"].startswith(f"A#{user.tenant_id}#")]
    assert any("missing_scope" in entry for entry in mine)


def test_an_end_user_has_to_be_named_once(user: User) -> None:
    missing = problem(user.call("POST", "/memory/add", {"text": "a"}, X_End_User_ID=""), 400, "end-user-missing")
    assert missing["errors"][0]["pointer"] == "header:X-End-User-ID"
    differ = problem(user.call("POST", "/memory/add", {"text": "a", "user_id": "u2"}), 400, "end-user-mismatch")
    assert differ["errors"][0]["pointer"] == "/user_id"
    assert user.add("Mine.", user_id="u1")["user_id"] == "u1"
    number = user.call("POST", "/memory/add", {"text": "It rains.", "user_id": 7}, X_End_User_ID="")
    assert number.json()["user_id"] == "7"
    assert [memory["id"] for memory in user.call("GET", "/memory", X_End_User_ID="7").json()["items"]] == [number.json()["id"]]


class Issuer:
    """A tenant's own login."""

    def __init__(self, user: User) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "k1"})
        self.name = f"{ISSUER}{user.tenant_id}"
        jwks = json.dumps({"keys": [self.key.as_dict(private=False)]})
        user.operate("configure_issuer", issuer=self.name, audience="memorysync", jwks=jwks, scopes=["memory:*"])

    def token(self, **claims: object) -> str:
        """Return a bearer header for an end user; a claim of None is left out."""
        now = int(time.time())
        usual = {"iss": self.name, "aud": "memorysync", "sub": "ada", "iat": now, "exp": now + 600, "project_id": "main"}
        claims = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        header = {"alg": "ES256", "kid": "k1"}
        return f"Bearer {jwt.encode(header, claims, self.key, algorithms=['ES256'])}"


def test_an_end_user_comes_in_with_a_token_of_the_tenants_own_login(user: User) -> None:
    token = Issuer(user).token()
    mine = {"X_API_Key": "", "X_End_User_ID": "", "X_Project_ID": "", "Authorization": token}

    added = user.call("POST", "/memory/add", {"text": "Ada was here."}, **mine)

    assert (added.status_code, added.json()["user_id"]) == (201, "ada")
    assert user.call("GET", "/memory", X_End_User_ID="ada").json()["items"][0]["id"] == added.json()["id"]
    problem(user.call("GET", "/memory", **{**mine, "X_End_User_ID": "u1"}), 400, "end-user-mismatch")
    problem(user.call("POST", "/memory/add", {"text": "a", "user_id": "u1"}, **mine), 400, "end-user-mismatch")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"aud": "somebody-else"},
        {"iss": "https://evil.example.com/"},
        {"sub": None},
        {"iat": None},
        {"exp": 4_000_000_000},
    ],
    ids=["expired", "audience", "issuer", "no subject", "no issue time", "lives too long"],
)
def test_a_token_with_a_wrong_claim_opens_nothing(new_user: Callable[..., User], claims: dict[str, object]) -> None:
    user = new_user()
    token = Issuer(user).token(**claims)

    problem(user.call("GET", "/memory", X_API_Key="", X_End_User_ID="", Authorization=token), 401, "unauthorized")
