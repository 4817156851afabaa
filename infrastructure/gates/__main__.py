"""`python -m infrastructure.gates [GATE ...]` runs the gates, all without names; `accept-secrets` writes their baseline anew."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from infrastructure.gates import bandit, cfn_lint, checkov, detect_secrets, permissions, resources, semgrep, suppressions
from infrastructure.gates.findings import AllowedError, Finding
from infrastructure.gates.programs import ToolError
from infrastructure.gates.rendered import RenderError

Gate = Callable[[], Sequence[Finding]]

# The slowest first: they run side by side, and none waits for the others.
GATES: dict[str, Gate] = {
    "detect-secrets": detect_secrets.gate,
    "semgrep": semgrep.gate,
    "checkov": checkov.gate,
    "bandit": bandit.gate,
    "cfn-lint": cfn_lint.gate,
    "permissions": permissions.gate,
    "suppressions": suppressions.gate,
    "resources": resources.gate,
}
ACCEPT = "accept-secrets"


def main(names: Sequence[str]) -> int:
    """Run the gates of these names and return the code to end with."""
    if list(names) == [ACCEPT]:
        print(f"The baseline holds {detect_secrets.accept()} that look like secrets and are none.")
        return 0
    if unknown := set(names) - set(GATES):
        print(f"No gate is called {', '.join(sorted(unknown))}; there are {', '.join(GATES)}, and {ACCEPT}.", file=sys.stderr)
        return 2
    return run({name: gate for name, gate in GATES.items() if name in names or not names})


def run(gates: Mapping[str, Gate]) -> int:
    """Run gates side by side, say of each what it found, and return 1 when that is anything; a tool that fails counts."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        told = list(pool.map(_told, gates, gates.values()))
    return int(any(told))


def _told(name: str, gate: Gate) -> bool:
    """Run one gate, print what it says, and tell whether that is a fault."""
    start = time.monotonic()
    try:
        found = [str(each) for each in gate()]
    except (AllowedError, RenderError, ToolError) as error:
        found = [str(error)]
    lines = [f"{name}: {each}" for each in found] or [f"{name} ok ({time.monotonic() - start:.0f} s)"]
    print("\n".join(lines), file=sys.stderr if found else sys.stdout, flush=True)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
