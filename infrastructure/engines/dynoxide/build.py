"""Compiling the engine: its source fetched by cargo, checked by digest, built once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from infrastructure.engines.cache import EngineError, cache_directory, check_digest, one_builder, run_tool

CRATE = "dynoxide-rs"
VERSION = "3.2.0"
DIGEST = "a2d1ffc871ddd8d1d26bcd0a52e32386a8cf08083c0995b78959afa987923ae4"
"""SHA-256 of the published crate. It holds a Cargo.lock with the digest of every crate that is compiled into the engine."""
CARGO = (1, 88)
"""The lowest cargo that compiles this version: `rust-version` in its Cargo.toml."""
TOOLS = ("cargo", "cc")
_FEATURES = "native-sqlite,http-server,cli"
_QUICKER = {
    # The crate asks for the smallest program, which takes three times as long to compile as one that is good enough here.
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "2",
}


def missing_tools() -> list[str]:
    """Return which of the tools that a build needs are not on this machine, or are too old."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if "cargo" not in missing and _cargo_version() < CARGO:
        missing.insert(0, f"cargo>={CARGO[0]}.{CARGO[1]}")
    return missing


def program() -> Path:
    """Return the engine's program, built when it is not there yet. Raises `EngineError`."""
    folder = cache_directory() / f"dynoxide-{VERSION}"
    built = folder / "bin" / "dynoxide"
    folder.mkdir(parents=True, exist_ok=True)
    with one_builder(folder / "lock"):
        if not built.is_file():
            _build(folder)
    return built


def unpack(crate: Path, place: Path) -> Path:
    """Unpack a crate that is what was pinned, and return the folder of its source. Raises `EngineError`."""
    check_digest(crate, DIGEST)
    with tarfile.open(crate) as archive:
        archive.extractall(place, filter="data")
    return place / f"{CRATE}-{VERSION}"


def _build(folder: Path) -> None:
    if missing := missing_tools():
        msg = f"Dynoxide needs {', '.join(missing)}: Rust {CARGO[0]}.{CARGO[1]} or newer with cargo, and a C compiler."
        raise EngineError(msg)
    print(f"Compiling Dynoxide {VERSION}: a few minutes, once ...", flush=True)
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    source = unpack(_fetched(unfinished), unfinished)
    run_tool(
        *("cargo", "install", "--quiet", "--locked", "--path", str(source), "--root", str(unfinished / "root")),
        *("--no-default-features", "--features", _FEATURES, "--target-dir", str(unfinished / "target")),
        folder=source,
        settings=_QUICKER,
    )
    # Last, so that a program that is there is whole whenever the build was interrupted.
    (unfinished / "root" / "bin").rename(folder / "bin")
    shutil.rmtree(unfinished)


def _fetched(folder: Path) -> Path:
    """Let cargo fetch the crate, and return where it keeps it."""
    # Telling about a crate is the one command that fetches it alone, unchanged and without compiling it.
    run_tool("cargo", "info", "--quiet", f"{CRATE}@{VERSION}", folder=folder)
    kept = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "registry" / "cache"
    crates = sorted(kept.glob(f"*/{CRATE}-{VERSION}.crate"), key=lambda path: path.stat().st_mtime)
    if not crates:
        msg = f"cargo did not keep {CRATE} {VERSION} under {kept}."
        raise EngineError(msg)
    return crates[-1]


def _cargo_version() -> tuple[int, ...]:
    """Return cargo's version, (0,) when it does not say one, as a launcher without a toolchain does."""
    said = subprocess.run(["cargo", "--version"], capture_output=True, text=True, check=False)  # noqa: S607 - found by PATH
    number = re.match(r"cargo (\d+)\.(\d+)", said.stdout)
    return tuple(map(int, number.groups())) if number else (0,)
