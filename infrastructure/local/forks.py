"""The fork server as its one user sees it: ask for a worker, get a process."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from infrastructure.local import fork_server

ROOT = Path(__file__).resolve().parents[2]
ENDED = 0
"""In the place of an exit code, which only a process's parent learns."""


class ForkedProcess:
    """A worker of the fork server, with as much of `subprocess.Popen` as its user calls."""

    def __init__(self, pid: int, watched: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self._watched = watched
        self.stdin: IO[str] = os.fdopen(stdin, "w", buffering=1, encoding="utf-8")
        self.stdout: IO[str] = os.fdopen(stdout, encoding="utf-8")
        self.stderr: IO[str] = os.fdopen(stderr, encoding="utf-8")
        self.returncode: int | None = None

    def __del__(self) -> None:
        """Close the descriptor that watches the process."""
        os.close(self._watched)

    def poll(self) -> int | None:
        """Return None while the process lives."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return when the process has ended. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        code = self._ended_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._watched, number)

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            watch = select.poll()
            watch.register(self._watched, select.POLLIN)
            if watch.poll(None if seconds is None else 1000 * seconds):
                self.returncode = ENDED
        return self.returncode


class ForkServer:
    """Starts the fork server when a first worker is asked for, and again when it has ended."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def worker(self, script: str, folder: str, environment: Mapping[str, str]) -> ForkedProcess:
        """Return a new process that runs a Python script. Raises `ConnectionError` when the server cannot do its work."""
        ours, theirs = _pipes()
        order = json.dumps({"script": script, "folder": folder, "environment": dict(environment)}).encode()
        try:
            with self._one_at_a_time:
                pid, watched = self._asked(order, theirs)
        except BaseException:
            _close(ours)
            raise
        finally:
            _close(theirs)
        return ForkedProcess(pid, watched, *ours)

    def stop(self) -> None:
        """End the fork server. Its workers live on."""
        with self._one_at_a_time:
            self._end()

    def _asked(self, order: bytes, streams: list[int]) -> tuple[int, int]:
        """Ask the server, and a new one when it has ended meanwhile."""
        for channel in (self._channel or self._started(), None):
            with suppress(ConnectionError):
                return _answered(channel or self._started(), order, streams)
            self._end()
        message = "The fork server ends as soon as it is asked for a worker."
        raise ConnectionError(message)

    def _started(self) -> socket.socket:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", fork_server.__name__, str(theirs.fileno())],
                cwd=ROOT,
                # Its threads would not live on in a worker, so numpy must start none.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return self._channel

    def _end(self) -> None:
        if self._channel:
            self._channel.close()
        if self._process:
            self._process.wait()
        self._channel = self._process = None


def _answered(channel: socket.socket, order: bytes, streams: list[int]) -> tuple[int, int]:
    """Return the worker's pid and the descriptor that watches it. Raises `ConnectionError` when nobody answers."""
    socket.send_fds(channel, [order], streams)
    answer, watched, _, _ = socket.recv_fds(channel, fork_server.PACKET_BYTES, 1)
    if not answer:
        raise ConnectionResetError
    return int(answer), watched[0]


def _pipes() -> tuple[list[int], list[int]]:
    """Return our ends and theirs of three pipes: their input, output and errors."""
    (their_in, our_in), (our_out, their_out), (our_err, their_err) = os.pipe(), os.pipe(), os.pipe()
    return [our_in, our_out, our_err], [their_in, their_out, their_err]


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
