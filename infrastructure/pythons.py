"""Which Pythons of this machine the tests should also run on: the lowest and the highest that are supported."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

SUPPORTED = ((3, 11), (3, 12), (3, 13))
_ASK = "import sys, ensurepip; print(sys.version_info[0], sys.version_info[1])"


def main() -> int:
    """Print the paths, one a line: the ends of the range, without the version that `--except` names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--except", dest="known", default=sys.executable, help="an interpreter that is tested anyway")
    known = version_of(Path(parser.parse_args().known))
    found = {version: path for path in candidates() if (version := version_of(path)) in SUPPORTED}
    ends = sorted({min(found), max(found)} - {known}) if found else []
    for version in ends:
        print(found[version])
    return 0


def candidates() -> list[Path]:
    """Return the interpreters on the path, and those that pyenv and uv keep elsewhere."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(home.glob("versions/*/bin")) + sorted(Path.home().glob(".local/share/uv/python/*/bin"))
    names = [f"python{major}.{minor}" for major, minor in SUPPORTED]
    return [folder / name for folder in folders for name in names if (folder / name).is_file()]


def version_of(path: Path) -> tuple[int, int] | None:
    """Return (major, minor), None for what does not run or cannot make environments (a shim without its Python)."""
    try:
        done = subprocess.run([path, "-c", _ASK], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor = done.stdout.split()
    return int(major), int(minor)


if __name__ == "__main__":
    raise SystemExit(main())
