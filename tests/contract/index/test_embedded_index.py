"""What the index file promises beyond the port: nothing left of what was forgotten, many processes, hard ends, clear errors."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event

import apsw
import numpy as np
import pytest

from backend.embedding.model import Vector
from backend.index.embedded import EmbeddedIndex
from backend.index.embedded_file import VERSION, connect, wipe
from backend.index.model import IndexDocument, Tombstone
from backend.kit.clock import FakeClock, SystemClock
from backend.kit.errors import IndexUnavailableError
from tests.contract.index.index_cases import ANA, BEN, document, found, ids, question, scope_of, tombstone

WORKER = Path(__file__).with_name("index_worker.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def index(path: Path) -> Iterator[EmbeddedIndex]:
    with closing(EmbeddedIndex(path, FakeClock())) as opened:
        yield opened


def stored(path: Path) -> bytes:
    """Every byte that the index has on disk."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.iterdir()) if each.name.startswith(path.name))


def pieces(vectors: list[Vector], data: bytes) -> int:
    """How many 8-byte pieces of these vectors stand anywhere in the data, at any offset."""
    wanted = np.unique(np.frombuffer(b"".join(vectors), dtype="<u8"))
    columns = [np.frombuffer(data[start : start + (len(data) - start) // 8 * 8], dtype="<u8") for start in range(8)]
    return sum(int(np.isin(column, wanted).sum()) for column in columns)


@contextmanager
def worker(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process on the file, ended with the test."""
    command = [sys.executable, str(WORKER), *(str(each) for each in arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def finished(process: subprocess.Popen[str]) -> list[str]:
    """What a worker acknowledged, once it ended well."""
    output, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    return output.split()


# What is deleted.


def test_no_words_tags_sources_or_metadata_are_ever_in_the_file(index: EmbeddedIndex, path: Path) -> None:
    facts = {"source": "zanzibarsource", "tags": ("zanzibartag",), "session_id": "zanzibarsession", "speaker": "zanzibarspeaker"}
    index.write("acme", [document("m1", "zanzibarword zanzibarwords", metadata={"zanzibarname": "zanzibarvalue"}, **facts)])
    assert found(index, metadata={"zanzibarname": "zanzibarvalue"}, sources=("zanzibarsource",)) == {"m1#1#0"}
    assert b"m1" in stored(path)
    assert b"zanzibar" not in stored(path)


@pytest.mark.parametrize("dimension", [2, 16, 64, 384, 700])
def test_nothing_of_a_forgotten_vector_is_left_in_any_file(index: EmbeddedIndex, path: Path, dimension: int) -> None:
    chance = random.Random(dimension)  # noqa: S311 - test data, repeatable
    scopes = [scope_of(f"u{number}") for number in range(12)]
    held: dict[str, IndexDocument] = {}
    gone: list[Vector] = []
    for batch in range(12):
        renewed = chance.sample(sorted(held), min(len(held), 20))
        gone += [held[memory_id].vector or Vector(b"") for memory_id in renewed]
        for memory_id in [f"m{batch:02}{number:03}" for number in range(50)] + renewed:
            key = held[memory_id].scope_key if memory_id in held else chance.choice(scopes).home
            words = {f"w{chance.randrange(9999)}": 1 for _ in range(chance.randrange(60))}
            held[memory_id] = document(
                memory_id, stems=words, vector=Vector(chance.randbytes(4 * dimension)), scope_key=key, row_version=batch + 1
            )
        index.write("acme", [held[memory_id] for memory_id in sorted(held) if held[memory_id].row_version == batch + 1])
    forgotten = chance.sample(sorted(held), len(held) * 2 // 3)
    for first in range(0, len(forgotten), 40):
        index.write("acme", [tombstone(m, 99, scope_key=held[m].scope_key) for m in forgotten[first : first + 40]])
    gone += [held.pop(memory_id).vector or Vector(b"") for memory_id in forgotten]
    data = stored(path)
    living = [each.vector or Vector(b"") for each in held.values()]
    assert pieces(living, data) >= 0.95 * len(living) * dimension / 2, "the control: what lives is found by the same search"
    assert pieces(gone, data) == 0


def test_what_a_dead_process_left_unwiped_is_wiped_when_the_tombstone_comes_again(index: EmbeddedIndex, path: Path) -> None:
    secret = b"ABCDEFGHIJKLMNOP"
    index.write("acme", [document("m1", vector=Vector(secret)), document("m2")])
    with closing(apsw.Connection(str(path))) as reader:
        reader.execute("BEGIN; SELECT * FROM scopes").fetchall()
        with pytest.raises(IndexUnavailableError, match="not yet overwritten"):
            index.write("acme", [tombstone("m1")])
        assert found(index) == {"m2#1#0"}, "hidden at once"
        assert secret in stored(path)
    index.write("acme", [tombstone("m1")])
    assert secret not in stored(path)


def test_wiping_waits_for_another_checkpoint_to_end(index: EmbeddedIndex, path: Path) -> None:
    index.write("acme", [document(f"m{number}") for number in range(20)])
    waiting, go_on = Event(), Event()

    def hold(_: int) -> bool:
        waiting.set()
        return go_on.wait(60)

    reader, other, ours = (apsw.Connection(str(path)) for _ in range(3))
    with closing(reader), closing(other), closing(ours), ThreadPoolExecutor(1) as pool:
        reader.execute("BEGIN; SELECT * FROM scopes").fetchall()
        index.write("acme", [document("late")])
        other.set_busy_handler(hold)
        checkpoint = pool.submit(lambda: other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        assert waiting.wait(60)

        class Letting(FakeClock):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                if reader.in_transaction:
                    reader.execute("COMMIT")
                    go_on.set()
                    checkpoint.result(60)

        clock = Letting()
        wipe(ours, clock)
    assert len(clock.slept) >= 1
    assert path.with_name("index.db-wal").read_bytes() == b""


def test_purging_forgets_the_names_of_owners_who_have_nothing_left(index: EmbeddedIndex, path: Path) -> None:
    zoe = scope_of("zoefromzanzibar")
    index.write("acme", [document("m1", scope_key=zoe.home), document("m2")])
    assert b"zoefromzanzibar" in stored(path)
    index.write("acme", [tombstone("m1", recorded_at=5, scope_key=zoe.home)])
    index.purge_tombstones(6)
    assert b"zoefromzanzibar" not in stored(path)
    assert found(index) == {"m2#1#0"}


# Several at once.


def test_each_instance_sees_the_writes_of_the_others_in_its_next_search(path: Path) -> None:
    with closing(EmbeddedIndex(path, FakeClock())) as one, closing(EmbeddedIndex(path, FakeClock())) as other:
        for number in range(1, 30):
            writer, reader = (one, other) if number % 2 else (other, one)
            writer.write("acme", [document(f"m{number}", "boat"), document("m0", f"boat word{number}", row_version=number)])
            result = reader.search(ANA, question("boat"))
            assert result.considered == number + 1
            assert ids(reader.search(ANA, question(f"word{number}", None))) == ["m0"]
        one.write("acme", [tombstone("m0", 99, recorded_at=1), tombstone("m5")])
        assert other.search(ANA, question()).considered == 28
        one.purge_tombstones(2)
        one.write("acme", [document("m0", "boat")])
        assert other.search(ANA, question()).considered == 29


def test_an_instance_that_missed_a_tombstone_and_its_purge_does_not_find_the_memory(path: Path) -> None:
    with closing(EmbeddedIndex(path, FakeClock())) as one, closing(EmbeddedIndex(path, FakeClock())) as other:
        one.write("acme", [document("m1"), document("m2"), document("b1", scope_key=BEN.home)])
        assert found(other) == {"m1#1#0", "m2#1#0"}
        assert found(other, BEN) == {"b1#1#0"}
        one.write("acme", [tombstone("m1", recorded_at=1), tombstone("b1", recorded_at=1, scope_key=BEN.home)])
        one.purge_tombstones(2)
        one.write("acme", [document("b2", scope_key=BEN.home)])
        assert found(other) == {"m2#1#0"}
        assert found(other, BEN) == {"b2#1#0"}


def test_threads_can_share_one_index(index: EmbeddedIndex) -> None:
    def write(number: int) -> None:
        index.write("acme", [document(f"m{number}", "boat")])

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(write, number) for number in range(40)]
            seen = [pool.submit(lambda: index.search(ANA, question("boat")).considered) for _ in range(40)]
        for each in writes:
            each.result()
    finally:
        sys.setswitchinterval(usual)
    assert all(0 <= each.result() <= 40 for each in seen)
    assert index.search(ANA, question("boat")).considered == 40


def test_a_file_that_another_makes_while_it_is_looked_at_is_ours_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def make(_connection: apsw.Cursor, statement: str, _bindings: object) -> bool:
        # Between what the file says of itself and what is in it. A reader that looks once lets nobody write meanwhile.
        if "sqlite_schema" in statement and not tried:
            tried.append(statement)
            with suppress(apsw.BusyError), closing(apsw.Connection(str(path))) as other:
                other.execute("CREATE TABLE secret (key)")
        return True

    monkeypatch.setattr(apsw, "connection_hooks", [lambda connection: connection.set_exec_trace(make)])

    with closing(connect(path, FakeClock())) as ours:
        assert ours.pragma("user_version") == VERSION
    assert tried


def test_processes_read_and_write_one_file_at_once(path: Path) -> None:
    with closing(EmbeddedIndex(path, SystemClock())) as index:
        expected = 3 * (40 * 3 - 13) + 1
        with (
            worker("write", path, "a", 40, 3) as first,
            worker("write", path, "b", 40, 3) as second,
            worker("write", path, "c", 40, 3) as third,
            worker("read", path, expected) as one_reader,
            worker("read", path, expected) as other_reader,
        ):
            for writer in (first, second, third):
                assert len(finished(writer)) == 40 * 3 + 13
            index.write("acme", [document("last-0-0", "boat")])
            for reader in (one_reader, other_reader):
                assert int(finished(reader)[0]) > 0
        assert index.search(ANA, question("boat")).considered == expected


def test_a_writer_killed_in_the_middle_loses_nothing_acknowledged_and_leaves_no_half_batch(path: Path) -> None:
    for run in range(3):
        with worker("write", path, f"run{run}", 100_000, 7) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(90 + 31 * run)]
            process.kill()
            lines += process.stdout.readlines()
        acknowledged = [line.strip() for line in lines if line.endswith("\n")]
        forgotten = {line[1:] for line in acknowledged if line.startswith("-")}
        added = {line for line in acknowledged if not line.startswith("-")}
        with closing(EmbeddedIndex(path, SystemClock())) as index:
            versions = index.versions(ANA, sorted(added))
            assert set(versions) == added
            assert {memory_id for memory_id in forgotten if versions[memory_id] != 2} == set()
            batch = max(int(memory_id.split("-")[1]) for memory_id in added) + 1
            after = index.versions(ANA, [f"run{run}-{batch}-{part}" for part in range(7)])
            assert len(after) in {0, 7}
            index.write("acme", [document(f"after{run}")])
            assert f"after{run}" in index.versions(ANA, [f"after{run}"])


# What can go wrong.


def test_readers_go_on_while_a_writer_holds_the_file_and_writers_say_so(index: EmbeddedIndex, path: Path) -> None:
    index.write("acme", [document("m1")])
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN IMMEDIATE; UPDATE scopes SET changes = changes + 1")
        with pytest.raises(IndexUnavailableError, match="locked"):
            index.write("acme", [document("m2")])
        assert found(index) == {"m1#1#0"}
        other.execute("ROLLBACK")
    index.write("acme", [document("m2")])
    assert found(index) == {"m1#1#0", "m2#1#0"}


def test_a_full_disk_is_said_and_what_was_acknowledged_stays(path: Path) -> None:
    with worker("fill", path, 600_000) as process:
        output, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    written, seen, detail = output.splitlines()
    assert int(written) > 10
    assert "disk" in detail
    assert seen == written
    with closing(EmbeddedIndex(path, FakeClock())) as index:
        assert index.search(ANA, question("boat")).considered == int(written)


@pytest.mark.parametrize("content", [b"not an index at all, but long enough to be read" * 90, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with closing(EmbeddedIndex(path, FakeClock())) as index, pytest.raises(IndexUnavailableError, match="not an index"):
        index.check()
    assert path.read_bytes() == content


def test_the_file_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    with closing(EmbeddedIndex(path, FakeClock())) as index, pytest.raises(IndexUnavailableError, match="another program"):
        index.write("acme", [document()])
    assert path.read_bytes() == before


def test_the_file_of_another_release_is_refused(index: EmbeddedIndex, path: Path) -> None:
    index.write("acme", [document()])
    index.close()
    with closing(apsw.Connection(str(path))) as other:
        other.execute(f"PRAGMA user_version={VERSION + 1}")
    with pytest.raises(IndexUnavailableError, match=f"layout {VERSION + 1}; this release reads {VERSION}"):
        index.search(ANA, question())


def test_a_folder_that_is_not_there_is_an_index_that_is_down_until_it_is(tmp_path: Path) -> None:
    with closing(EmbeddedIndex(tmp_path / "missing" / "index.db", FakeClock())) as index:
        calls = (
            index.check,
            lambda: index.search(ANA, question()),
            lambda: index.write("acme", [document()]),
            lambda: index.versions(ANA, ["m1"]),
            lambda: index.purge_tombstones(1),
        )
        for call in calls:
            with pytest.raises(IndexUnavailableError, match="cannot be opened"):
                call()
        (tmp_path / "missing").mkdir()
        index.write("acme", [document()])
        assert found(index) == {"m1#1#0"}


def test_a_damaged_file_is_said_and_a_new_one_is_taken_without_a_restart(index: EmbeddedIndex, path: Path) -> None:
    index.write("acme", [document(f"m{number}") for number in range(100)])
    index.close()
    intact = path.read_bytes()
    path.write_bytes(intact[:2048] + b"\xa5" * (len(intact) - 2048))
    with pytest.raises(IndexUnavailableError, match="damaged"):
        index.search(ANA, question())
    with pytest.raises(IndexUnavailableError, match="damaged"):
        index.write("acme", [document("m200")])
    path.unlink()
    index.write("acme", [document("m300")])
    assert found(index) == {"m300#1#0"}


def test_a_change_that_cannot_be_stored_takes_its_whole_batch_with_it(index: EmbeddedIndex) -> None:
    batch: list[IndexDocument | Tombstone] = [document("m1"), document("m2", vector=Vector(b"odd"))]
    with pytest.raises(ValueError, match="float32"):
        index.write("acme", batch)
    assert found(index) == set()
    index.write("acme", batch[:1])
    assert found(index) == {"m1#1#0"}


def test_an_owner_larger_than_the_cache_is_searched_all_the_same(path: Path) -> None:
    with closing(EmbeddedIndex(path, FakeClock(), cache_bytes=0)) as index:
        index.write("acme", [document(f"m{number}", "boat") for number in range(50)])
        for _ in range(2):
            assert index.search(ANA, question("boat")).considered == 50
        index.write("acme", [tombstone("m7")])
        assert index.search(ANA, question("boat")).considered == 49
