"""Where and when something was measured, and what the machine did meanwhile."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KILOBYTE = 1024


def facts() -> dict[str, Any]:
    """Return date, machine, commit, command and load (runnable processes, mean of the last minute) as of now."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "commit": commit(),
        "command": command(sys.orig_argv),
        "load": round(os.getloadavg()[0], 1),
    }


def commit(tree: Path = ROOT) -> str:
    """Return the short name of the tree's commit, with `+` when files differ from it; empty outside a repository."""
    try:
        name = _git(tree, "rev-parse", "--short", "HEAD")
        changed = _git(tree, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{name}+" if changed else name


def command(words: list[str]) -> str:
    """Return the command as a person would type it: the program by its name alone."""
    return " ".join([Path(words[0]).name, *words[1:]]) if words else ""


def peak_mb() -> float:
    """Return the most memory that this process ever had resident, in MB of 2^20 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTE


def resident_mb() -> float:
    """Return the memory that this process has resident now, in MB of 2^20 bytes (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / KILOBYTE**2


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _git(tree: Path, *words: str) -> str:
    found = subprocess.run(["git", "-C", str(tree), *words], capture_output=True, text=True, check=True)  # noqa: S607 - the user's git
    return found.stdout.strip()
