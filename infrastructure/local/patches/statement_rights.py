"""Gap: statements of PartiQL are checked as the call that carries them, an action that IAM does not know.

On AWS each is checked as what it does, on its table
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html).
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ministack.core import iam_actions

from infrastructure.local.patches.patcher import Patcher

CALL = "dynamodb:BatchExecuteStatement"
_READ = re.compile(r'\s*(SELECT\b.*?\bFROM|INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?([\w.-]+)', re.IGNORECASE | re.DOTALL)


def apply(patcher: Patcher) -> None:
    """Check each statement of a batch as what it does. One that cannot be read is checked as the call, which nobody may."""
    stock = iam_actions.dynamodb_transaction_checks

    def checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        if action != CALL:
            found: list[tuple[str, str]] = stock(action, body, region, account)
            return found
        return list(_checks(iam_actions.json.loads(body)["Statements"], region, account))

    patcher.attribute(iam_actions, "dynamodb_transaction_checks", checks)


def _checks(statements: list[dict[str, Any]], region: str, account: str) -> Iterator[tuple[str, str]]:
    for each in statements:
        read = _READ.match(each["Statement"])
        if read is None:
            yield CALL, "*"
        else:
            verb, table = read[1].split()[0].capitalize(), read[2]
            yield f"dynamodb:PartiQL{verb}", iam_actions._dynamodb_table_arn(table, region, account)
