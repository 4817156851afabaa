"""Which rights of its role each function has used, so that those which none uses can be taken away again.

The emulator enforces the roles of functions; this remembers what it allowed. A transaction is remembered as the writes that
it is made of, as IAM judges it.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator

from infrastructure.local.patches.patcher import Patcher

ROLE = "AssumedRole"


class UsedRights:
    """What was allowed since this process started: (role, action, ARN), each once."""

    def __init__(self) -> None:
        self._used: set[tuple[str, str, str]] = set()

    def apply(self, patcher: Patcher) -> None:
        """Listen to every decision of the emulator's IAM."""
        stock = iam_evaluator.evaluate

        def evaluate(context: Any, *policies: Any) -> Any:  # noqa: ANN401 - the emulator is untyped
            result = stock(context, *policies)
            if result.decision == "Allow" and context.principal_type == ROLE:
                role = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
                self._used.add((role, context.action, context.resource_arn))
            return result

        patcher.attribute(iam_evaluator, "evaluate", evaluate)

    def listed(self) -> dict[str, Any]:
        """Return what was used, in order."""
        return {"used": [list(each) for each in sorted(self._used.copy())]}
