"""Transcripts on DynamoDB, in the table of conversations and states.

| item | pk | sk | holds |
|---|---|---|---|
| session | `H#scope key` | MAC of the session's id | the id, the next place, when it began and when it last grew |
| message | `H#scope key#MAC` | place, twelve digits | who said it when, in which role; `sealed` |
| append | `H#scope key#MAC` | `APPEND#id` | the places of the messages that one keyed request appended, and when |

What is deleted leaves a mark (`kit/deletion_marks.py`): a message its own, a session one for all that was in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backend.encryption.model import DecryptionFailedError
from backend.kit import deletion_marks
from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import ConditionFailedError, Item, Put, Table, TransactionCanceledError, attribute, transact
from backend.kit.errors import ThrottledError
from backend.kit.ids import Ids
from backend.kit.schema_versions import known
from backend.memories.model import carried_bytes
from backend.memories.ports import Macs, Seals
from backend.memories.sealed_values import Unopened, opened_value, sealed_value
from backend.transcripts.model import MOST_LOOKED_AT, PAGE_BYTES, Appended, Entry, Message, Page, Session, View

SCHEMA_VERSION = 1
MOST_TRIES = 60
"""So many may append to one conversation at once, each losing to all others once."""

READ_AT_ONCE = 100
SESSIONS = "H#"
APPEND = "APPEND#"
_FIRST = 1
_LAST = 10**12 - 1

# Nobody stored this before.
IS_NEW = attribute("pk").does_not_exist()
# There is something to remove.
IS_THERE = attribute("pk").exists()


def has_grown_to(place: int) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody has appended since the session was read."""
    return attribute("next") == place


class DynamoTranscriptStore:
    """`TranscriptStore` on DynamoDB."""

    def __init__(self, table: Table, macs: Macs, seals: Seals, ids: Ids) -> None:
        self._table = table
        self._macs = macs
        self._seals = seals
        self._ids = ids

    def append(self, session: Session, messages: Sequence[Message], now: datetime, append_id: str | None = None) -> Appended:
        """Write the messages and the session in one transaction."""
        mac = self._mac(session)
        for _ in range(MOST_TRIES):
            head = self._head(session, mac)
            appended = Appended(head["next"] if head else _FIRST, (head["next"] if head else _FIRST) + len(messages) - 1)
            # Times never go back, though clocks of several processes do: whoever asks for a time may stop reading at it.
            at = max(now, from_rfc3339(head["updated_at"])) if head else now
            writes = [self._session(session, mac, appended, head, at)]
            if append_id:
                writes.append(Put(self._table, _append_item(session.scope_key, mac, append_id, appended, at), IS_NEW))
            places = range(appended.first, appended.last + 1)
            items = [self._message(session, mac, *each, at) for each in zip(places, messages, strict=True)]
            writes += [Put(self._table, item, IS_NEW) for item in items]
            try:
                transact(self._table.seam, writes, token=self._ids.new("t"))
            except TransactionCanceledError as error:
                done = error.reasons[1] if append_id else None
                if done and done.item:
                    return Appended(known(done.item, SCHEMA_VERSION)["first"], done.item["last"])
                continue
            return appended
        msg = "Too many append to this conversation at once; try again."
        raise ThrottledError(msg, retry_after=1)

    def page(self, session: Session, view: View, after: int | None) -> Page:
        """Read until the page is full, or nothing that is asked for can follow."""
        pk = messages_pk(session.scope_key, self._mac(session))
        entries: list[Entry] = []
        size = looked_at = 0
        while looked_at < MOST_LOOKED_AT:
            where = _behind(view, after)
            if where is None:
                return Page(entries, None)
            wanted = min(READ_AT_ONCE, view.limit - len(entries) + 1)
            found = self._table.query(pk, where=where, limit=wanted, descending=view.newest_first, consistent=True)
            for item in found.items:
                entry = self._entry(session, item)
                if view.ends_at(entry):
                    return Page(entries, None)
                if view.admits(entry):
                    size += carried_bytes(_carried(entry))
                    if len(entries) == view.limit or (entries and size > PAGE_BYTES):
                        return Page(entries, after)
                    entries.append(entry)
                after = entry.sequence
                looked_at += 1
            if found.next_key is None:
                return Page(entries, None)
        return Page(entries, after)

    def remove(self, session: Session, sequence: int, now: datetime) -> bool:
        """Delete the item and leave a mark, or neither."""
        pk, sk = messages_pk(session.scope_key, self._mac(session)), _place(sequence)
        try:
            deletion_marks.delete(self._table, pk, sk, IS_THERE, written="recorded_at", now=now, ids=self._ids)
        except TransactionCanceledError:
            return False
        return True

    def clear(self, session: Session, now: datetime) -> int:
        """Leave a mark, delete the messages, then the session, unless it has grown meanwhile: then begin again."""
        mac = self._mac(session)
        pk, removed = messages_pk(session.scope_key, mac), 0
        while head := self._head(session, mac):
            at = max(now, from_rfc3339(head["updated_at"]))
            self._table.put(deletion_marks.mark(self._table, head["pk"], head["sk"], at).item)
            while items := self._table.query(pk, limit=READ_AT_ONCE, consistent=True).items:
                self._table.delete_many([(item["pk"], item["sk"]) for item in items])
                removed += sum(not item["sk"].startswith(APPEND) for item in items)
            try:
                self._table.delete(head["pk"], head["sk"], condition=has_grown_to(head["next"]))
            except ConditionFailedError:
                continue
        return removed

    def _mac(self, session: Session) -> str:
        return self._macs.of(session.tenant_id).mac("transcript", session.scope_key, session.session_id)

    def _head(self, session: Session, mac: str) -> Item | None:
        """Return the item of the session. Raises `NewerReleaseError`: what this release wrote over it would lose something."""
        head = self._table.get(sessions_pk(session.scope_key), mac)
        return known(head, SCHEMA_VERSION) if head else None

    def _session(self, session: Session, mac: str, appended: Appended, head: Item | None, at: datetime) -> Put:
        item = {
            "pk": sessions_pk(session.scope_key),
            "sk": mac,
            "schema_version": SCHEMA_VERSION,
            "session_id": session.session_id,
            "next": appended.last + 1,
            "created_at": head["created_at"] if head else to_rfc3339(at),
            "updated_at": to_rfc3339(at),
        }
        return Put(self._table, item, has_grown_to(appended.first) if head else IS_NEW)

    def _message(self, session: Session, mac: str, sequence: int, message: Message, at: datetime) -> Item:
        pk, sk = messages_pk(session.scope_key, mac), _place(sequence)
        said = {"content": message.content, "speaker": message.speaker, "metadata": dict(message.metadata)}
        return {
            "pk": pk,
            "sk": sk,
            "schema_version": SCHEMA_VERSION,
            "role": message.role,
            "occurred_at": to_rfc3339(message.occurred_at) if message.occurred_at else None,
            "recorded_at": to_rfc3339(at),
            "sealed": sealed_value(self._seals, session.tenant_id, pk, sk, said),
        }

    def _entry(self, session: Session, item: Item) -> Entry:
        known(item, SCHEMA_VERSION)
        sequence, recorded_at = int(item["sk"]), from_rfc3339(item["recorded_at"])
        occurred_at = from_rfc3339(item["occurred_at"]) if item.get("occurred_at") else None
        try:
            said = opened_value(self._seals, session.tenant_id, item["pk"], item["sk"], item["sealed"])
        except DecryptionFailedError as error:
            # The session's name is the application's own: its MAC stands for it.
            _, _, mac = item["pk"].rpartition("#")
            return Entry(sequence, recorded_at, None, Unopened.of(f"message:{mac}#{sequence}", error))
        return Entry(sequence, recorded_at, Message(role=item["role"], occurred_at=occurred_at, **said))


def sessions_pk(scope_key: str) -> str:
    """Return the partition of an end user's sessions."""
    return SESSIONS + scope_key


def messages_pk(scope_key: str, mac: str) -> str:
    """Return the partition of one session's messages."""
    return f"{SESSIONS}{scope_key}#{mac}"


def _place(sequence: int) -> str:
    return f"{sequence:012d}"


def _append_item(scope_key: str, mac: str, append_id: str, appended: Appended, at: datetime) -> Item:
    return {
        "pk": messages_pk(scope_key, mac),
        "sk": f"{APPEND}{append_id}",
        "schema_version": SCHEMA_VERSION,
        "first": appended.first,
        "last": appended.last,
        "recorded_at": to_rfc3339(at),
    }


def _behind(view: View, after: int | None) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Return the condition on what follows in the order of the view, None where nothing can."""
    first, last = _FIRST, _LAST
    if after is not None and view.newest_first:
        last = after - 1
    elif after is not None:
        first = after + 1
    return attribute("sk").between(_place(first), _place(last)) if first <= last else None


def _carried(entry: Entry) -> object:
    message = entry.message
    return (message.content, message.speaker, dict(message.metadata)) if message else None
