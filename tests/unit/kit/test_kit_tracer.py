"""Where X-Ray traces a call, the calls of AWS in it are traced too; elsewhere nothing of it is loaded."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from backend.kit import observability
with observability.recording("request", "r1"):
    pass
print(int("aws_xray_sdk" in sys.modules), int("aws_xray_sdk.ext.botocore" in sys.modules))
"""
TRACED = {
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
    "LAMBDA_TASK_ROOT": "/var/task",
}


def loaded_and_patched(environment: dict[str, str]) -> str:
    """Return whether the tracer was loaded, and whether it took botocore in hand: in a process of its own, since it stays."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_a_traced_call_traces_what_it_asks_of_aws() -> None:
    assert loaded_and_patched(TRACED) == "1 1"


def test_an_untraced_call_loads_no_tracer() -> None:
    assert loaded_and_patched({}) == "0 0"
    assert loaded_and_patched({**TRACED, "POWERTOOLS_TRACE_DISABLED": "true"}) == "0 0"
