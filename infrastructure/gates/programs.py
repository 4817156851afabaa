"""Runs the outside programs: without network, and without a home folder to read settings from or to write to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv-tools" / "bin"
OURS = Path(sys.prefix) / "bin"
"""The environment that runs this: for a program that cannot stand beside the outside tools."""

NOBODY = "http://127.0.0.1:9"
"""The discard port: a program that tries the network all the same fails at once instead of waiting."""


class ToolError(Exception):
    """A program is not there, or did not do its work: that is no clean result."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program wrote, and how it ended."""

    code: int
    out: str
    err: str


def run(  # noqa: PLR0913 - one word for each thing that a call may say
    tool: str,
    arguments: Sequence[str],
    *,
    folder: Path = ROOT,
    text: str | None = None,
    fine: Sequence[int] = (0,),
    settings: Mapping[str, str] | None = None,
    programs: Path = TOOLS,
) -> Answer:
    """Run a program of this folder and return its answer. Raises `ToolError` when it ends with a code that is not fine."""
    program = programs / tool
    if not program.exists():
        msg = f"{tool} is not installed in {programs}: make setup .venv-tools/.ready"
        raise ToolError(msg)
    with tempfile.TemporaryDirectory(prefix="gate-") as home:
        done = subprocess.run(
            [str(program), *arguments],
            cwd=folder,
            env={**environment(Path(home)), **(settings or {})},
            input=text if text is not None else "",
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in fine:
        msg = f"{tool} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-2000:]}"
        raise ToolError(msg)
    return Answer(done.returncode, done.stdout, done.stderr)


def environment(home: Path) -> dict[str, str]:
    """Return the whole environment of a program."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), NOBODY)
    return {
        "PATH": os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PYTHONWARNINGS": "ignore",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SEMGREP_SEND_METRICS": "off",
        "SEMGREP_ENABLE_VERSION_CHECK": "0",
        **proxies,
    }
