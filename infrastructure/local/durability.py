"""Makes the emulator's state survive the end of its process at any moment.

- DynamoDB items: a journal, written before each answer (`table_journal`).
- Everything else that a client was told is there (a KMS key, a secret, a bucket, a table's definition): the service's state
  is written before the answer to a call that changed it.
- A deploy: all state is written before anybody is told that the stack is complete.
- Messages in queues and executions of state machines: within a second or so, and on a clean stop.
- The rest (logs, metrics) every few minutes and on a clean stop.

While a stack is being deployed only the journal is written: half a stack on disk would be a stack in progress for ever. After a
kill in mid-deploy the state is the one before it.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ministack import app as emulator
from ministack.core import persistence
from ministack.services import cloudformation
from pydantic_core import PydanticSerializationError, to_json

from infrastructure.local.errors import StateError
from infrastructure.local.journal import Journal
from infrastructure.local.patches.patcher import Patcher
from infrastructure.local.table_journal import ITEM_ACTIONS, TableJournal

Json = dict[str, Any]
Handler = Callable[[str, str, dict[str, str], bytes, Json], Awaitable[tuple[int, Json, Any]]]

WATCHED = ("kms", "secretsmanager", "s3", "iam", "ssm", "sns", "sqs", "dynamodb", "lambda", "events", "states", "cloudformation")
READS = (
    "Describe",
    "Get",
    "List",
    "BatchGet",
    "Decrypt",
    "Encrypt",
    "Generate",
    "ReEncrypt",
    "Sign",
    "Verify",
    "Head",
    "Query",
    "Scan",
)
SAVED_SOON = frozenset(
    {
        *("SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "PurgeQueue"),
        *("ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "StartExecution", "StopExecution"),
    }
)
"""Calls that come too often for a save each."""
UNSAVED = ITEM_ACTIONS | {"Publish", "PublishBatch", "PutEvents", "TransactGetItems"}
"""Calls that the journal covers, and calls that leave nothing in the service itself."""
JOURNAL_BYTES = 16 * 1024 * 1024
"""A journal longer than this, and than the last snapshot of the tables, is replaced by a new snapshot."""
SAVE_SECONDS = 300.0
_LOOK_SECONDS = 1.0
_TRIES = 20

logger = logging.getLogger("durability")


class Saver:
    """Writes the emulator's state to disk, and reads it back."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._tables = TableJournal(Journal(directory / "journal"))
        self._finished: frozenset[tuple[str, ...]] = frozenset()
        self._last_save = time.monotonic()
        self._replayed = 0
        self._stale: set[str] = set()

    def apply(self, patcher: Patcher) -> None:
        """Take over the emulator's loading and saving."""
        self._tables.apply(patcher)
        patcher.attribute(emulator, "_load_persisted_state", self.load)
        patcher.attribute(emulator, "save_all", lambda _services: self.save_all())
        for service in WATCHED:
            patcher.item(emulator.SERVICE_HANDLERS, service, self._watch(service, emulator.SERVICE_HANDLERS[service]))

    def status(self) -> Json:
        """Say how much the journal holds beyond the last snapshot, and how much was replayed at the start."""
        return {"journal_bytes": self._tables.journal.bytes_since_cut, "images_replayed": self._replayed}

    def load(self) -> None:
        """Read all state. Raises `StateError` for a file that cannot be read: going on without it would be losing it."""
        for key, module in emulator._state_map.items():
            path = self._directory / f"{key}.json"
            if not path.exists():
                continue
            data = persistence.load_state(key)
            if data is None:
                message = f"{path} cannot be read: the state is damaged, or was made by another version."
                raise StateError(message)
            if data:
                emulator._get_module(module).load_persisted_state(data)
        emulator._get_module("dynamodb")
        self._replayed, gone = self._tables.replay()
        logger.info("Journal: %d after-images replayed, %d of tables that are gone", self._replayed, gone)
        self._finished = finished_stacks()
        if self._replayed or gone:
            self.save("dynamodb", self._tables.state)
        threading.Thread(target=self._save_now_and_then, name="saver", daemon=True).start()

    def save_all(self) -> bool:
        """Write the state of every service in use; `False` when a deploy is under way and nothing was written."""
        if deploying():
            logger.warning("A deploy is under way: the state on disk stays as it was before")
            return False
        finished = finished_stacks()
        began = time.perf_counter()
        for key, get_state in emulator._build_persistence_save_dict().items():
            self.save(key, get_state)
        self._finished = finished
        self._last_save = time.monotonic()
        logger.info("All state saved in %.2f s", time.perf_counter() - began)
        return True

    def save(self, key: str, get_state: Callable[[], Json | None]) -> None:
        """Write one service's state, whole or not at all. Raises `OSError`, and then the old file stands."""
        with self._lock:
            text = self._text(key, get_state)
            if text is None:
                return
            path = self._directory / f"{key}.json"
            beside = path.with_suffix(".tmp")
            beside.write_bytes(text)
            beside.replace(path)
            if key == "dynamodb":
                self._tables.saved()

    def _text(self, key: str, get_state: Callable[[], Json | None]) -> bytes | None:
        """Return a service's state as JSON. Other threads change it meanwhile: a dictionary that grew is read again."""
        for _ in range(_TRIES):
            try:
                state = get_state()
                if state is None:
                    return None
                return written(key, {"__ministack_format__": persistence._state_format_version(key), "payload": state})
            except RuntimeError as error:
                last = error
                time.sleep(0.01)
        message = f"the state of {key} changes too fast to be saved"
        raise StateError(message) from last

    def _watch(self, service: str, stock: Handler) -> Handler:
        """Return the service's handler, which saves what a call changed before it answers."""

        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Json) -> tuple[int, Json, Any]:
            answer = await stock(method, path, headers, body, query)
            if service == "cloudformation":
                if not deploying() and finished_stacks() != self._finished:
                    await asyncio.to_thread(self.save_all)
            elif answer[0] < HTTPStatus.BAD_REQUEST and changes(service, method, path, headers, body) and not deploying():
                if action_of(headers, body) in SAVED_SOON:
                    self._stale.add(service)
                else:
                    key, module = _state_of(service)
                    await asyncio.to_thread(self.save, key, module.get_state)
            return answer

        return handle

    def _save_now_and_then(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            if not self._directory.exists():
                logger.error("The state directory is gone: nobody can find or stop this emulator any more")
                os._exit(1)
            try:
                self._save_what_is_due()
            except (OSError, StateError):
                logger.exception("The state could not be saved; the journal goes on")

    def _save_what_is_due(self) -> None:
        if deploying():
            return
        while self._stale:
            key, module = _state_of(self._stale.pop())
            self.save(key, module.get_state)
        if time.monotonic() - self._last_save > SAVE_SECONDS:
            self.save_all()
        elif self._tables.journal.bytes_since_cut > max(JOURNAL_BYTES, self._snapshot_bytes()):
            self.save("dynamodb", self._tables.state)

    def _snapshot_bytes(self) -> int:
        """Return how long the last snapshot of the tables is, 0 without one.

        Written when as much has come in since, snapshots cost in proportion to what comes in, however much there is already.
        """
        path = self._directory / "dynamodb.json"
        return path.stat().st_size if path.exists() else 0


def written(key: str, state: Json) -> bytes:
    """Return a service's state as JSON in ASCII, as the emulator reads it."""
    if key == "dynamodb":
        try:
            # In less than half of the time that `json` takes. It has its own form for bytes, and tables hold none.
            return to_json(state, fallback=persistence._json_default, ensure_ascii=True)
        except PydanticSerializationError:
            logger.info("The tables hold half of a surrogate pair: they are saved the slow way")
    return json.dumps(state, default=persistence._json_default).encode("ascii")


def deploying() -> bool:
    """Return whether CloudFormation is changing a stack. A stack in review has a change set that nobody has executed."""
    statuses = [stack.get("StackStatus", "") for _, stack in list(cloudformation._stacks.all_items())]
    return any(status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS" for status in statuses)


def finished_stacks() -> frozenset[tuple[str, ...]]:
    """Return what tells one deploy from the next: each stack's status, time and outputs."""
    return frozenset(
        (
            *map(str, key),
            str(stack.get("StackStatus")),
            str(stack.get("LastUpdatedTime")),
            str(len(stack.get("Outputs") or [])),
        )
        for key, stack in list(cloudformation._stacks.all_items())
    )


def changes(service: str, method: str, path: str, headers: dict[str, str], body: bytes) -> bool:
    """Return whether a call changes what must be on disk before its answer. In doubt it does."""
    if service == "s3":
        return method not in {"GET", "HEAD"}
    if service == "lambda":
        return method != "GET" and not path.rstrip("/").endswith(("/invocations", "/invoke-async"))
    action = action_of(headers, body)
    return action in SAVED_SOON or (action not in UNSAVED and not action.startswith(READS))


def action_of(headers: dict[str, str], body: bytes) -> str:
    """Return the action of a call: from the JSON protocol's target, or from the query protocol's `Action=CreateRole&...`."""
    if target := headers.get("x-amz-target", ""):
        return target.rpartition(".")[2]
    for part in body.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == b"Action":
            return value.decode("ascii", "replace")
    return ""


def _state_of(service: str) -> tuple[str, Any]:
    """Return a service's key on disk and its module."""
    module = emulator.SERVICE_REGISTRY[service]["module"]
    key = emulator.SERVICE_REGISTRY[service].get("state_key", module)
    return key, emulator._get_module(module)
