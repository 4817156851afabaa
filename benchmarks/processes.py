"""The processor time that a program and all its children used: what tells most on a machine that others use too (Linux)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

PROCESSES = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """One process: its parent, its own seconds of processor, and those of its children that have ended."""

    parent: int
    seconds: float
    of_the_ended: float


def tree_seconds(pid: int, processes: Path = PROCESSES) -> float:
    """Return the seconds of a process and of everything that it started, what has ended included; 0 when it is not there."""
    found = {int(each.name): usage for each in processes.glob("[0-9]*") if (usage := _usage(each / "stat"))}
    total, left = 0.0, [pid]
    while left:
        parent = left.pop()
        if parent in found:
            total += found[parent].seconds + found[parent].of_the_ended
            left += [child for child, usage in found.items() if usage.parent == parent]
    return total


def _usage(stat: Path) -> Usage | None:
    """Return what the kernel says of a process, None for one that ended meanwhile. Fields: proc_pid_stat(5)."""
    try:
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    user, system, ended_user, ended_system = (int(field) / _TICKS for field in fields[11:15])
    return Usage(int(fields[1]), user + system, ended_user + ended_system)
