"""A service with neighbours in it: every owner has rows, every kind of caller has a credential."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.isolation import kept
from tests.isolation.callers import Kind
from tests.isolation.canaries import canaries_in, canary
from tests.isolation.document import Call, Operation, call, operations
from tests.isolation.oracle import RULES, Shape
from tests.isolation.owners import (
    CANARY_FIELDS,
    LIVE,
    OWNERS,
    PROJECTS,
    READABLE,
    STRICT,
    TENANTS,
    TEST,
    USERS,
    WAITING,
    Owner,
    Row,
    State,
    projects_of,
    said,
    said_in,
)

SAME_KEY = "the-same-idempotency-key"
"""Every owner added something under it once."""

STATE_NAMES = {State.DISPUTED: "conflict_inbox", State.QUARANTINED: "quarantined"}
"""What answers call the state of a row, where it is not active."""

TOKEN_SECONDS = 3000
_ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Return a problem's code, empty for any other answer."""
        if "problem" not in self.headers.get("content-type", ""):
            return ""
        return str(self.json()["code"])

    def said(self) -> str:
        """Return all of it as text."""
        return json.dumps(dict(self.headers), ensure_ascii=False) + self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to the index, and whose documents came back or were laid over it."""

    tenant: str
    keys: tuple[str, ...]
    found: frozenset[str]


@dataclass(frozen=True, slots=True)
class Trace:
    """What one request did behind the door: questions to the index, keys in calls of the tables, texts that were embedded."""

    asked: tuple[Asked, ...] = ()
    keys: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    embedded: int = 0
    request_id: str = ""


class Door(Protocol):
    """A way into the service."""

    def send(self, call: Call) -> Answer:
        """Send a request."""

    def operate(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Do something as the operator."""

    def settle(self, rows: Sequence[Row]) -> None:
        """Return when the index shows these rows."""

    def trace(self) -> Trace | None:
        """Return what the last request did inside, None where nobody can see it."""


@dataclass
class World:
    """The neighbours, and what is known of everything that was ever stored."""

    door: Door
    credentials: dict[tuple[Kind, str, str | None, str | None], str] = field(default_factory=dict, repr=False)
    public_ids: dict[str, str] = field(default_factory=dict)
    """Of keys: whose tenant's each is."""
    rows: dict[Owner, dict[State, Row]] = field(default_factory=dict)
    cursors: dict[Owner, str] = field(default_factory=dict)
    owner_of: dict[str, Owner] = field(default_factory=dict)
    """By ULID: whose memory it is or was."""
    alive: set[str] = field(default_factory=set)
    """ULIDs of memories that may be shown to their owners."""
    words: dict[str, tuple[Owner, str]] = field(default_factory=dict)
    """By canary: who said it, in which memory."""
    contradicted: dict[str, Row] = field(default_factory=dict)
    """By the id of a statement that waits: what it contradicts."""
    gone: list[Row] = field(default_factory=list)
    """Forgotten, and the index need not know it yet."""
    kept: str = "kept"
    """Stands for the ULID of conversations and states, which have none."""
    _counter: int = 0

    @classmethod
    def seeded(cls, door: Door, owners: Sequence[Owner] = OWNERS) -> World:
        """Make tenants, credentials and rows."""
        world = cls(door)
        world.sign_up()
        world.move_in(owners)
        return world

    def sign_up(self) -> None:
        """Make the tenants, with a project of the same name in each, one that only it has, keys and an issuer."""
        for tenant in TENANTS:
            mode = "strict" if tenant == STRICT else "compat"
            self.door.operate({"action": "create_tenant", "name": "T", "tenant_id": tenant, "scope_mode": mode})
            for project in projects_of(tenant):
                self.door.operate({"action": "create_project", "tenant_id": tenant, "project_id": project, "name": "P"})
            self.credentials[Kind.KEY, tenant, None, None] = self._key(tenant)
            self.credentials[Kind.READING_KEY, tenant, None, None] = self._key(tenant, scopes=["memory:read"])
            self.credentials[Kind.TEST_KEY, tenant, None, None] = self._key(tenant, environment="test")
            issuer = _Issuer(tenant)
            self.door.operate(issuer.configuration())
            for user in USERS:
                self.credentials[Kind.TOKEN, tenant, None, user] = issuer.token(user)
            for project in PROJECTS:
                self.credentials[Kind.BOUND_KEY, tenant, project, None] = self._key(tenant, project_id=project)
                for user in USERS:
                    self.credentials[Kind.BOUND_TOKEN, tenant, project, user] = issuer.token(user, project_id=project)

    def move_in(self, owners: Sequence[Owner]) -> None:
        """Give each owner a row that the index shows and one that only its marker shows; those of `live` a forgotten one too."""
        for owner in owners:
            shown = self.add(owner, said(owner, State.INDEXED), State.INDEXED, idempotency_key=key_of(owner))
            self.rows[owner] = {State.INDEXED: shown}
            for state in WAITING:
                self.rows[owner][state] = self.add_waiting(owner, state, said(owner, state))
            if owner.environment == LIVE:
                gone = self.add(owner, said(owner, State.FORGOTTEN), State.FORGOTTEN)
                self.forget(gone, idempotency_key=key_of(owner))
                self.rows[owner][State.FORGOTTEN] = gone
        self.door.settle([row for owner in owners for row in self.rows[owner].values()])
        for owner in owners:
            kept.keep(self, owner)
            self.rows[owner][State.PENDING] = self.add(owner, said(owner, State.PENDING), State.PENDING, idempotency_key=SAME_KEY)
            page = self.door.send(
                Call(self.operation(Shape.LIST), "/memory", tuple(self.headers(owner).items()), query=(("limit", "1"),))
            )
            self.cursors[owner] = page.json()["next_cursor"]
            job_id = self.begin(owner)
            turn_id = kept.speak(self, owner)
            rows = self.rows[owner].items()
            self.rows[owner] = {state: replace(row, job_id=job_id, turn_id=turn_id) for state, row in rows}

    def operation(self, shape: Shape) -> Operation:
        """Return the one operation of this shape."""
        return next(each for each in operations() if RULES.get(each.name) and RULES[each.name].shape is shape)

    def headers(self, owner: Owner) -> dict[str, str]:
        """Return the headers that a server of the owner's tenant sends for this very owner."""
        kind = Kind.TEST_KEY if owner.environment == TEST else Kind.KEY
        sent = {"X-API-Key": self.credentials[kind, owner.tenant, None, None], "X-End-User-ID": owner.user}
        return {**sent, "X-Project-ID": owner.project} if owner.project else sent

    def add(self, owner: Owner, body: Mapping[str, Any], state: State, idempotency_key: str = "") -> Row:
        """Store something of the owner's, which must be new."""
        named = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        request = call(self.operation(Shape.ADD), headers={**self.headers(owner), **named}, **body)
        answer = self.door.send(request)
        assert (answer.status, "idempotent-replay" in answer.headers) == (201, False), (owner.name, answer.body)
        return self.stored(owner, answer.json(), state, request.body)

    def add_waiting(self, owner: Owner, state: State, body: Mapping[str, Any]) -> Row:
        """Store something that has to wait for a decision; what it contradicts is stored before, and is the same speaker's."""
        if state is State.DISPUTED:
            self._counter += 1
            held = {"text": said_in(state, canary("held", str(self._counter)))}
            against = self.add(owner, {**body, **held}, State.PENDING)
            row = self.add(owner, {**body, "on_conflict": "inbox"}, state)
            self.contradicted[row.memory_id] = against
            return row
        return self.add(owner, body, state)

    def stored(self, owner: Owner, body: Mapping[str, Any], state: State, said: Any) -> Row:
        """Remember whose a memory is that an answer says is stored, and its words."""
        assert body["state"] == STATE_NAMES.get(state, "active"), (owner.name, body)
        row = Row(owner, state, body["id"], f'"r{body["revision"]}"', body["consistency_token"])
        self.owner_of[row.ulid] = owner
        self.alive.add(row.ulid)
        for word in canaries_in(json.dumps(said)):
            self.words[word] = (owner, row.ulid)
        return row

    def begin(self, owner: Owner) -> str:
        """Begin a job on the owner's memories; return its id."""
        answer = self.door.send(call(self.operation(Shape.BEGIN), headers=self.headers(owner)))
        assert answer.status == 202, (owner.name, answer.body)
        job_id = str(answer.json()["job_id"])
        self.owner_of[job_id.removeprefix("job_")] = owner
        self.alive.add(job_id.removeprefix("job_"))
        return job_id

    def forget(self, row: Row, idempotency_key: str = "") -> None:
        """Forget a memory as its owner."""
        named = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        headers = {**self.headers(row.owner), **named}
        answer = self.door.send(call(self.operation(Shape.FORGET), row, headers))
        assert (answer.status, "idempotent-replay" in answer.headers) == (200, False), answer.body
        self.forgot(row)

    def forgot(self, row: Row) -> None:
        """Remember that nobody may be shown it any more."""
        self.alive.discard(row.ulid)
        self.gone.append(row)

    def sweep(self) -> None:
        """Let the index know what is forgotten, so that the markers of it do not pile up."""
        self.door.settle(self.gone)
        self.gone.clear()

    def fresh_words(self) -> dict[str, Any]:
        """Return what somebody says who never said it before, a canary in each field."""
        self._counter += 1
        word = {field: canary("fresh", str(self._counter), field) for field in CANARY_FIELDS}
        return {
            "text": f"Somebody said {word['text']}.",
            "tags": [word["tags"]],
            "metadata": {"note": word["metadata"]},
            "session_id": word["session_id"],
            "source": word["source"],
        }

    def intact(self) -> None:
        """Check that every neighbour still reads exactly what they stored, and that what was forgotten stays so."""
        for rows in self.rows.values():
            for state, row in rows.items():
                answer = self.door.send(call(self.operation(Shape.READ), row, self.headers(row.owner)))
                assert answer.status == (200 if state in READABLE else 404), (row, answer.body)
                if answer.status == 200:
                    words = {row.canary(field) for field in CANARY_FIELDS}
                    assert (canaries_in(answer.body), answer.headers["etag"]) == (words, row.etag), row
        for owner in self.rows:
            kept.intact(self, owner)

    def _key(self, tenant: str, **fields: Any) -> str:
        made = self.door.operate({"action": "create_key", "tenant_id": tenant, "name": "K", **fields})
        self.public_ids[made["public_id"]] = tenant
        return str(made["api_key"])


def key_of(owner: Owner) -> str:
    """Return the idempotency key that only this owner used."""
    return canary(owner.name, "idempotency key")


class _Issuer:
    """A tenant's own login."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._name = f"https://login.example.com/{tenant}"
        self._key = ECKey.generate_key("P-256", {"kid": "k"})

    def configuration(self) -> dict[str, Any]:
        """Return the command that makes the service trust it."""
        jwks = json.dumps({"keys": [self._key.as_dict(private=False)]})
        named = {"action": "configure_issuer", "tenant_id": self._tenant, "issuer": self._name, "audience": "memorysync"}
        return {**named, "jwks": jwks, "scopes": ["memory:*"]}

    def token(self, user: str, **claims: Any) -> str:
        """Return a token of an end user."""
        now = int(time.time())
        usual = {"iss": self._name, "aud": "memorysync", "sub": user, "iat": now, "exp": now + TOKEN_SECONDS}
        return jwt.encode({"alg": _ALGORITHM, "kid": "k"}, {**usual, **claims}, self._key, algorithms=[_ALGORITHM])
