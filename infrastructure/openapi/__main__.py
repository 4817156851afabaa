"""`python -m infrastructure.openapi [--check]`: write shared/backend/openapi.json, or say whether it is current."""

from __future__ import annotations

import sys

from infrastructure.openapi.document import TARGET, as_text, assemble


def main() -> int:
    """Return the exit status: 1 when the document on disk is not what the functions serve."""
    text = as_text(assemble())
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != text:
            print(f"{TARGET.name} is not current: run `make openapi`.")
            return 1
        return 0
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
