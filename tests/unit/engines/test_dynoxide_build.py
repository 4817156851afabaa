"""The engine is compiled from what was pinned, by tools that can, or not at all. A made-up cargo stands on the path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infrastructure.engines.cache import EngineError
from infrastructure.engines.dynoxide import build

Install = Callable[[str], None]
NEW = 'echo "cargo 1.99.0 (abc 2030-01-01)"'


@pytest.fixture
def cargo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a way to put a cargo on a path on which there is nothing else but a C compiler."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    monkeypatch.setenv("MEMORYSYNC_ENGINES_DIR", str(tmp_path / "engines"))

    def install(script: str, name: str = "cargo") -> None:
        (tools / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (tools / name).chmod(0o755)

    install("exit 0", "cc")
    return install


def test_a_machine_without_rust_is_told_what_to_install(cargo: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    del cargo
    assert build.missing_tools() == ["cargo"]
    with pytest.raises(EngineError, match=r"needs cargo: Rust 1\.88 or newer"):
        build.program()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.missing_tools() == ["cargo", "cc"]


@pytest.mark.parametrize("script", ['echo "cargo 1.87.0 (x)"', "exit 1", "echo no toolchain >&2"])
def test_a_cargo_that_is_too_old_or_only_a_launcher_is_missing(cargo: Install, script: str) -> None:
    cargo(script)
    assert build.missing_tools() == ["cargo>=1.88"]


def test_a_cargo_that_can_compile_it_is_enough(cargo: Install) -> None:
    cargo(NEW)
    assert build.missing_tools() == []


def test_a_source_that_is_not_what_was_pinned_is_never_compiled(cargo: Install, tmp_path: Path) -> None:
    kept = tmp_path / "cargo" / "registry" / "cache" / "somewhere"
    compiled = tmp_path / "compiled"
    cargo(
        f'if [ "$1" = info ]; then mkdir -p {kept}; echo other > {kept}/{build.CRATE}-{build.VERSION}.crate; fi\n'
        f'if [ "$1" = install ]; then touch {compiled}; fi\n{NEW}'
    )
    with pytest.raises(EngineError, match=rf"{build.VERSION}\.crate is not what is pinned"):
        build.program()
    assert not compiled.exists()
    assert (kept / f"{build.CRATE}-{build.VERSION}.crate").exists()


def test_a_registry_that_does_not_answer_is_said_as_cargo_says_it(cargo: Install) -> None:
    cargo(f'if [ "$1" = info ]; then echo "error: could not connect" >&2; exit 101; fi\n{NEW}')
    with pytest.raises(EngineError, match=r"cargo failed with code 101:\nerror: could not connect"):
        build.program()


def test_a_cargo_that_keeps_nothing_is_said(cargo: Install) -> None:
    cargo(NEW)
    with pytest.raises(EngineError, match=f"did not keep {build.CRATE}"):
        build.program()


def test_an_engine_that_is_built_needs_no_tool(cargo: Install, tmp_path: Path) -> None:
    del cargo
    built = tmp_path / "engines" / f"dynoxide-{build.VERSION}" / "bin" / "dynoxide"
    built.parent.mkdir(parents=True)
    built.touch()
    assert build.program() == built
