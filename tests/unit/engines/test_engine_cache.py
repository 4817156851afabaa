"""What is fetched for an engine must be what was pinned."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from infrastructure.engines.cache import EngineError, cache_directory, check_digests
from infrastructure.engines.opensearch import build, process


@pytest.fixture
def pinned(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of two files, and the list that pins them."""
    folder = tmp_path / "fetched"
    folder.mkdir()
    lines = []
    for name in ("a.jar", "b.zip"):
        (folder / name).write_bytes(name.encode())
        lines.append(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n")
    listing = tmp_path / "digests.txt"
    listing.write_text("".join(lines))
    return folder, listing


def test_files_that_are_as_pinned_pass(pinned: tuple[Path, Path]) -> None:
    check_digests(*pinned)


def test_a_file_that_was_changed_is_named(pinned: tuple[Path, Path]) -> None:
    (pinned[0] / "b.zip").write_bytes(b"other")
    with pytest.raises(EngineError, match=r"b\.zip\. Remove"):
        check_digests(*pinned)


def test_a_file_that_is_missing_and_one_that_nobody_asked_for_are_named(pinned: tuple[Path, Path]) -> None:
    (pinned[0] / "a.jar").rename(pinned[0] / "c.jar")
    with pytest.raises(EngineError, match=r"a\.jar, c\.jar"):
        check_digests(*pinned)


def test_every_pinned_file_is_used_by_the_engine() -> None:
    listing = Path(build.__file__).parent / "digests.txt"
    jars = [line.split()[1] for line in listing.read_text().splitlines() if line.endswith(".jar")]
    beginnings = [beginning for group in build._MODULES.values() for beginning in group]
    assert jars
    assert [jar for jar in jars if not jar.startswith(tuple(beginnings))] == []


def test_engines_are_kept_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMORYSYNC_ENGINES_DIR", str(tmp_path))
    assert cache_directory() == tmp_path


def test_a_machine_without_java_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMORYSYNC_ENGINES_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.missing_tools() == ["java", "javac", "mvn"]
    with pytest.raises(EngineError, match="JDK of version 17 and Maven"):
        build.home()


def test_an_engine_that_was_never_started_does_not_run(tmp_path: Path) -> None:
    assert process.running(tmp_path) is None
    assert not process.stop(tmp_path)


def test_a_process_that_has_the_number_of_a_dead_engine_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text('{"pid": 1, "port": 9200}')
    assert process.running(tmp_path) is None
