"""Gap: every check of a role parses all its policies anew, and a transaction is checked once for each of its items.

A call of DynamoDB spent a third of its processor in the emulator so, and a transaction of a hundred items most of it. What is
remembered here follows from its arguments alone (a policy's text, a name and a pattern, the bytes of one request), so nothing
has to be forgotten when a role or a policy changes: a changed policy is another text. Every call is still checked against
the role as it is then.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import Any

from ministack.core import iam_actions, iam_evaluator, responses, router

from infrastructure.local.patches.patcher import Patcher

POLICIES_KEPT = 1024
MATCHES_KEPT = 16_384


class BodyReader:
    """Stands in for the module `json`: bytes that are read several times, one after the other, are parsed once.

    Only for readers that change nothing in what they read.
    """

    def __init__(self, stock: ModuleType) -> None:
        self._stock = stock
        self._last: tuple[bytes, Any] = (b"null", None)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        """Leave the rest as it is."""
        return getattr(self._stock, name)

    def loads(self, text: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as the module's
        """Return what a text holds; the last one's that was bytes without reading them again."""
        if not isinstance(text, bytes) or args or options:
            return self._stock.loads(text, *args, **options)
        last, found = self._last
        if text is not last:
            found = self._stock.loads(text)
            self._last = (text, found)
        return found

    def taken(self, text: bytes) -> Any:  # noqa: ANN401 - as the module's
        """Return what a body holds, and forget it: it is the caller's to change."""
        found = self.loads(text)
        self._last = (b"null", None)
        return found


def apply(patcher: Patcher) -> None:
    """Parse each policy and body once, match each pair once, and check each action on each table once a transaction."""
    stock_parse, stock_checks = iam_evaluator.parse_policy_document, iam_actions.dynamodb_transaction_checks
    parsed = lru_cache(POLICIES_KEPT)(stock_parse)

    def parse(document: Any) -> Any:  # noqa: ANN401 - the emulator is untyped
        # A document that is no text may be changed by whoever holds it.
        return parsed(document) if isinstance(document, str) else stock_parse(document)

    def checks(*args: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - the emulator is untyped
        # All items of a transaction are checked with the same conditions, so the same check has the same result.
        return list(dict.fromkeys(stock_checks(*args)))

    def caller(headers: Any, query: Any = None) -> str:  # noqa: ANN401 - the emulator is untyped
        # Stock gathers all policies of the caller too, only to tell its name.
        key = router.extract_access_key_id(headers or {}, query or {})
        known = iam_evaluator.resolve_credential(key, responses._account_from_sts_session(key)) if key else None
        root = f"arn:aws:iam::{responses.get_account_id()}:root"
        return known.principal_arn if isinstance(known, iam_evaluator.ResolvedCredential) and known.principal_arn else root

    patcher.attribute(iam_evaluator, "request_caller_arn", caller)
    patcher.attribute(iam_evaluator, "parse_policy_document", parse)
    patcher.attribute(iam_evaluator, "fnmatch_iam", lru_cache(MATCHES_KEPT)(iam_evaluator.fnmatch_iam))
    patcher.attribute(iam_evaluator, "fnmatch_iam_cs", lru_cache(MATCHES_KEPT)(iam_evaluator.fnmatch_iam_cs))
    patcher.attribute(iam_actions, "dynamodb_transaction_checks", checks)
    patcher.attribute(iam_actions, "json", BodyReader(iam_actions.json))
