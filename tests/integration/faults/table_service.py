"""A small DynamoDB in memory: the operations that the product calls, fast enough for a thousand histories.

It does what the service documents and moto leaves out: a transaction's token is remembered for ten minutes, a batch can be
taken in part, and global indexes can fall behind. What nobody here calls it refuses. The contract tests of tables and stores
run on it as they do on moto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from backend.kit.clock import Clock, FakeClock
from infrastructure.engines.statements import delete_of
from tests.integration.faults.expressions import changed, holds
from tests.support.faults import refused
from tests.support.tables import table_definitions

Typed = dict[str, Any]
Key = tuple[str, ...]
Rows = dict[Key, Typed]
TOKENS_LAST = timedelta(minutes=10)


class TableService:
    """Takes the place of the seam's client. `changes` holds the keys of every item that was changed: (table, key).

    Set `takes_half` and the next batch is taken by half, the rest is left over.
    """

    _request_signer = None

    def __init__(self, clock: Clock | None = None) -> None:
        self.keys = {
            name: tuple(part["AttributeName"] for part in definition["KeySchema"])
            for name, definition in table_definitions().items()
        }
        self.rows: dict[str, Rows] = {name: {} for name in self.keys}
        self.changes: list[tuple[str, Typed]] = []
        self.takes_half = False
        self._clock = clock or FakeClock()
        self._tokens: dict[str, tuple[datetime, Any]] = {}
        self._lagging: dict[str, Rows] | None = None

    def let_indexes_lag(self) -> None:
        """Let every global index show what is there now, and nothing newer."""
        self._lagging = {name: dict(rows) for name, rows in self.rows.items()}

    def let_indexes_catch_up(self) -> None:
        """Let every global index show what is there."""
        self._lagging = None

    @property
    def lags(self) -> bool:
        """Tell whether the global indexes are behind."""
        return self._lagging is not None

    def _make_api_call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as the service does, in its own words and with its own refusals."""
        call: Callable[[Mapping[str, Any]], dict[str, Any]] = {
            "GetItem": self._get,
            "BatchGetItem": self._batch_get,
            "Query": self._query,
            "Scan": self._scan,
            "PutItem": lambda each: self._alone("Put", each),
            "UpdateItem": lambda each: self._alone("Update", each),
            "DeleteItem": lambda each: self._alone("Delete", each),
            "BatchWriteItem": self._batch_write,
            "BatchExecuteStatement": self._statements,
            "TransactWriteItems": self._transact,
        }[operation]
        return call(arguments)

    # Reading

    def _get(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = self._table(asked).get(_values(asked["Key"]))
        return {"Item": found} if found else {}

    def _batch_get(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        answers: dict[str, list[Typed]] = {}
        left: dict[str, Any] = {}
        for name, request in asked["RequestItems"].items():
            taken, rest = self._taken(request["Keys"])
            found = (self.rows[name].get(_values(key)) for key in taken)
            answers[name] = [item for item in found if item]
            if rest:
                left[name] = {**request, "Keys": rest}
        return {"Responses": answers, "UnprocessedKeys": left}

    def _query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        table = asked["TableName"]
        index = asked.get("IndexName")
        keys = (f"{index}_pk", f"{index}_sk") if index else self.keys[table]
        rows = self.rows[table] if self._lagging is None or not index else self._lagging[table]
        condition, words = asked["KeyConditionExpression"], _words_of(asked)
        # The first words of every key condition are those of the partition: most items need no more than a look.
        partition = words[1][":0"]
        found = [item for item in rows.values() if item.get(keys[0]) == partition and holds(condition, item, *words)]
        place = _order(keys[-1], self.keys[table])
        found.sort(key=place, reverse=not asked.get("ScanIndexForward", True))
        shown = {*self.keys[table], *keys} if index else None
        return self._page(asked, found, shown or set(), {*self.keys[table], *keys}, place)

    def _scan(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        keys = self.keys[asked["TableName"]]
        place = _order(keys[0], keys)
        return self._page(asked, sorted(self._table(asked).values(), key=place), set(), set(keys), place)

    def _page(
        self,
        asked: Mapping[str, Any],
        found: list[Typed],
        shown: set[str],
        keys: set[str],
        place: Callable[[Mapping[str, Any]], Key],
    ) -> dict[str, Any]:
        start = asked.get("ExclusiveStartKey")
        if start:
            backwards = not asked.get("ScanIndexForward", True)
            found = [item for item in found if (place(item) < place(start) if backwards else place(item) > place(start))]
        limit = asked.get("Limit", len(found) + 1)
        page = found[:limit]
        answer: dict[str, Any] = {"Items": [_only(item, shown) if shown else item for item in page], "Count": len(page)}
        if len(page) == limit:
            # Also when the last item was the very last: the service does not look further.
            answer["LastEvaluatedKey"] = _only(page[-1], keys)
        return answer

    # Writing

    def _alone(self, kind: str, write: Mapping[str, Any]) -> dict[str, Any]:
        reason = self._refusal(kind, write)
        if reason:
            found = {"Item": reason["Item"]} if "Item" in reason else {}
            code = "ConditionalCheckFailedException"
            raise refused(code, **found)
        after = self._do(kind, write)
        return {"Attributes": after} if write.get("ReturnValues") == "ALL_NEW" else {}

    def _batch_write(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        left: dict[str, Any] = {}
        for name, requests in asked["RequestItems"].items():
            taken, rest = self._taken(requests)
            for request in taken:
                if "DeleteRequest" in request:
                    self._do("Delete", {"TableName": name, "Key": request["DeleteRequest"]["Key"]})
                else:
                    self._do("Put", {"TableName": name, "Item": request["PutRequest"]["Item"]})
            if rest:
                left[name] = rest
        return {"UnprocessedItems": left}

    def _statements(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take conditional deletes, in part when it is told to: the others met a busy table."""
        deletes = [delete_of(each) for each in asked["Statements"]]
        taken, rest = self._taken(deletes)
        responses = [self._deleted(delete) for delete in taken]
        return {"Responses": responses + [{"Error": {"Code": "ThrottlingError"}} for _ in rest]}

    def _deleted(self, delete: Mapping[str, Any]) -> dict[str, Any]:
        # A statement whose item is gone says nothing, where the operation with a condition refuses.
        if self._key("Delete", delete) in self._table(delete):
            if reason := self._refusal("Delete", delete):
                return {"Error": reason}
            self._do("Delete", delete)
        return {"TableName": delete["TableName"]}

    def _transact(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        token, writes = asked.get("ClientRequestToken"), asked["TransactItems"]
        now = self._clock.now()
        before = self._tokens.get(token or "")
        if token and before and before[0] + TOKENS_LAST > now:
            if before[1] != writes:
                code = "IdempotentParameterMismatchException"
                raise refused(code)
            return {}
        pairs = [(kind, write) for each in writes for kind, write in each.items()]
        reasons = [self._refusal(kind, write) for kind, write in pairs]
        if any(reasons):
            raise _cancelled(reasons)
        for kind, write in pairs:
            self._do(kind, write)
        if token:
            self._tokens[token] = (now, writes)
        return {}

    def _refusal(self, kind: str, write: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return why a write's condition does not hold, None when it does."""
        held = self._table(write).get(self._key(kind, write), {})
        condition = write.get("ConditionExpression")
        if condition is None or holds(condition, held, *_words_of(write)):
            return None
        wants = write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {"Code": "ConditionalCheckFailed", **({"Item": held} if wants and held else {})}

    def _do(self, kind: str, write: Mapping[str, Any]) -> Typed:
        table, key = self._table(write), self._key(kind, write)
        held = table.get(key)
        names = self.keys[write["TableName"]]
        after: Typed = {}
        if kind == "Put":
            after = table[key] = dict(write["Item"])
        elif kind == "Update":
            start = held if held is not None else dict(write["Key"])
            after = table[key] = changed(write["UpdateExpression"], start, *_words_of(write))
        elif kind == "Delete":
            table.pop(key, None)
        elif kind != "ConditionCheck":
            raise ValueError(kind)
        if table.get(key) != held:
            # A stream tells of changes only: a write that changes nothing leaves no record.
            self.changes.append((write["TableName"], {name: {"S": part} for name, part in zip(names, key, strict=True)}))
        return after

    def _key(self, kind: str, write: Mapping[str, Any]) -> Key:
        names = self.keys[write["TableName"]]
        return _values(_only(write["Item"], set(names), names) if kind == "Put" else write["Key"])

    def _table(self, asked: Mapping[str, Any]) -> Rows:
        if asked["TableName"] not in self.rows:
            code = "ResourceNotFoundException"
            raise refused(code)
        return self.rows[asked["TableName"]]

    def _taken(self, requests: list[Any]) -> tuple[list[Any], list[Any]]:
        """Return what is taken of a batch and what is left over. Of one nothing is taken: the service promises no progress."""
        most = len(requests) // 2 if self.takes_half else len(requests)
        self.takes_half = False
        return requests[:most], requests[most:]


def _cancelled(reasons: Iterable[dict[str, Any] | None]) -> ClientError:
    code = "TransactionCanceledException"
    return refused(code, CancellationReasons=[reason or {"Code": "None"} for reason in reasons])


def _words_of(asked: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    return asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})


def _values(key: Mapping[str, Typed]) -> Key:
    return tuple(part["S"] for part in key.values())


def _only(item: Mapping[str, Any], names: set[str], order: tuple[str, ...] = ()) -> Typed:
    return {name: item[name] for name in order or item if name in names}


def _order(sort_key: str, keys: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Key]:
    return lambda item: tuple(item[name]["S"] for name in (sort_key, *keys) if name in item)
