"""What a build weighs, as a table for the person at the terminal."""

from __future__ import annotations

from infrastructure.packages.build import Built
from infrastructure.packages.inspection import UNZIPPED_LIMIT

DIRECT_LIMIT = 50_000_000
"""Bytes that Lambda takes zipped in a direct upload. The SAM CLI goes through S3, where only the unzipped size counts."""
_MB = 1_000_000


def table(built: Built) -> str:
    """Return the table: an archive a line in MB (10^6 bytes), functions of the same content on one line."""
    rows = [f"{built.architecture:<44}{'zipped':>10}{'unzipped':>10}{'files':>8}"]
    same: dict[str, list[str]] = {}
    for name, weight in built.functions.items():
        same.setdefault(weight.content, []).append(name)
    weights = {_named(names): built.functions[names[0]] for names in same.values()} | dict(built.layers)
    for name, weight in weights.items():
        rows.append(f"{name:<44}{weight.zipped / _MB:>10.2f}{weight.unzipped / _MB:>10.2f}{weight.files:>8}")
    share = f"({built.heaviest / UNZIPPED_LIMIT:.0%} of {UNZIPPED_LIMIT / _MB:.2f})"
    rows.append(f"{'the largest function with its layers':<44}{'':>10}{built.heaviest / _MB:>10.2f}  {share}")
    heavy = [name for name, weight in built.layers.items() if weight.zipped > DIRECT_LIMIT]
    if heavy:
        rows.append(f"{', '.join(heavy)}: over 50 MB zipped, so only by way of S3, as the SAM CLI does.")
    return "\n".join(rows)


def _named(functions: list[str]) -> str:
    return functions[0] if len(functions) == 1 else f"each of {len(functions)} functions"
