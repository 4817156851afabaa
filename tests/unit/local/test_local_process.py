import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from infrastructure.local import ports, process, state
from infrastructure.local.errors import AlreadyRunningError, NotRunningError, PortTakenError, StateError
from infrastructure.local.process import Running
from infrastructure.local.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(state=tmp_path / "state", template=tmp_path / "template.yaml").with_free_ports()


def test_a_taken_port_is_named_with_who_has_it_and_how_to_choose_another(stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortTakenError) as raised:
            replace(stack, api_port=port).start()

    assert f"Port {port} is taken" in str(raised.value)
    assert "--api-port" in str(raised.value)
    assert "MEMORYSYNC_LOCAL_API_PORT" in str(raised.value)
    if Path("/proc/net/tcp").exists():
        assert f"process {os.getpid()}" in str(raised.value)


def test_a_free_port_passes(stack: Stack) -> None:
    ports.check_free(stack.port, "--port", "X")


def test_an_unknown_holder_of_a_port_is_left_out(tmp_path: Path) -> None:
    assert ports.holder(1, tmp_path) == ""


def test_who_holds_the_lock_of_a_state_directory_is_known_until_it_ends(stack: Stack) -> None:
    state.prepare(stack.directory)
    me = Running(os.getpid(), stack.port, stack.api_port)
    assert stack.running() is None

    descriptor = process.hold(stack.directory, me)
    assert stack.running() == me
    os.close(descriptor)

    assert stack.running() is None


def test_two_emulators_never_share_a_state_directory(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    state.prepare(stack.directory)
    monkeypatch.setattr(process, "_HOLD_SECONDS", 0.1)
    descriptor = process.hold(stack.directory, Running(1, 2, 3))

    with pytest.raises(AlreadyRunningError):
        process.hold(stack.directory, Running(4, 5, 6))
    with pytest.raises(AlreadyRunningError, match="on the ports 2 and 3"):
        stack.start()
    os.close(descriptor)


def test_asking_a_stack_that_does_not_run_says_how_to_start_it(stack: Stack) -> None:
    with pytest.raises(NotRunningError, match="up"):
        stack.ask("GET", "/_local/status")
    assert not stack.stop()
    assert not stack.kill()


def test_state_of_another_version_is_refused_with_the_way_out(stack: Stack) -> None:
    state.prepare(stack.directory)
    (stack.directory / "version.json").write_text('{"format": 0, "emulator": "1.0.0"}')

    with pytest.raises(StateError, match=r"another version.*reset"):
        stack.start()


def test_a_directory_that_is_not_ours_is_neither_used_nor_removed(stack: Stack) -> None:
    stack.directory.mkdir()
    (stack.directory / "thesis.txt").write_text("years of work")

    with pytest.raises(StateError, match="not made by the local stack"):
        stack.start()
    with pytest.raises(StateError, match="not made by the local stack"):
        stack.reset()
    assert (stack.directory / "thesis.txt").exists()


def test_reset_forgets_the_state(stack: Stack) -> None:
    state.prepare(stack.directory)
    stack.reset()

    assert not stack.directory.exists()
    stack.reset()


def test_a_state_directory_that_cannot_be_made_is_told(stack: Stack) -> None:
    stack.directory.write_text("a file")

    with pytest.raises(StateError, match="cannot be written"):
        stack.start()


def test_a_full_disk_is_told_before_anything_starts(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "ROOM_BYTES", 2**80)

    with pytest.raises(StateError, match="is full"):
        stack.start()


def test_what_killed_workers_left_behind_is_cleared_at_the_next_start(stack: Stack) -> None:
    state.prepare(stack.directory)
    (stack.directory / "tmp" / "dead-worker").mkdir()
    (stack.directory / "index.db").write_text("kept")

    state.prepare(stack.directory)

    assert list((stack.directory / "tmp").iterdir()) == []
    assert (stack.directory / "index.db").exists()


def test_the_end_of_a_log_is_empty_while_there_is_none(tmp_path: Path) -> None:
    assert process.tail(tmp_path / "none.log", 5) == ""
    (tmp_path / "some.log").write_text("1\n2\n3\n")
    assert process.tail(tmp_path / "some.log", 2) == "2\n3"
