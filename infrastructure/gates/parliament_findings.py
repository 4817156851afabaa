"""Runs inside `.venv-tools`, where Parliament is: reads `{name: policy document}` and writes `[[name, check, detail], ...]`.

Parliament's own command cannot be used: without a terminal it waits for a policy on its standard input, whatever it was
given.
"""

import json
import sys

from parliament import analyze_policy_string


def main() -> None:
    """Answer on the standard output."""
    found = [
        [name, each.issue, " ".join(str(part) for part in (each.title, each.detail) if part)]
        for name, document in json.load(sys.stdin).items()
        for each in analyze_policy_string(json.dumps(document), include_community_auditors=True).findings
    ]
    json.dump(found, sys.stdout)


main()
