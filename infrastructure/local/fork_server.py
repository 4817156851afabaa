"""A process that has imported what most functions import, and forks a worker from itself for each that asks.

Runs as `python -m infrastructure.local.fork_server DESCRIPTOR`, on one end of a socket of packets. Each packet asks for a worker:
its script, folder and environment as JSON, and the descriptors of its input, output and errors. The answer is the worker's pid,
and a descriptor that becomes readable when it ends (`pidfd_open(2)`). The other end's closing ends this process.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PACKET_BYTES = 128 * 1024
STREAMS = 3
LIBRARIES = (
    "aws_lambda_powertools.logging",
    "boto3",
    "botocore.docs.service",
    "botocore.handlers",
    "cryptography.hazmat.primitives.ciphers.aead",
    "fastapi",
    "mangum",
    "numpy",
    "pydantic",
    "pynamodb.connection",
    "tokenizers",
)
"""Nothing of ours, so that a new worker has our code as it is now; and nothing that starts threads, which a fork would lose."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to run, and where."""

    script: str
    folder: str
    environment: dict[str, str]

    @classmethod
    def read(cls, packet: bytes) -> Self:
        """Read an order off a packet."""
        return cls(**json.loads(packet))

    def become(self, streams: list[int]) -> None:
        """Make this process what `python SCRIPT` would have started with."""
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
            os.close(stream)
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.argv = [self.script]
        sys.path[0] = str(Path(self.script).parent)
        for name in [name for name in sys.modules if name.partition(".")[0] == "infrastructure"]:
            del sys.modules[name]


def serve(channel: socket.socket) -> Order | None:
    """Fork a worker for each packet. Returns its order in each of them, and None here when nobody can ask any more."""
    signal.signal(signal.SIGCHLD, lambda *_: collect())
    while True:
        packet, streams, _, _ = socket.recv_fds(channel, PACKET_BYTES, STREAMS)
        if not packet:
            return None
        # Until its descriptor is open the worker must not be collected: its pid could be another's by then.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        worker = os.fork()
        if worker == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            channel.close()
            order = Order.read(packet)
            order.become(streams)
            return order
        watched = os.pidfd_open(worker)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        socket.send_fds(channel, [str(worker).encode()], [watched])
        for descriptor in (*streams, watched):
            os.close(descriptor)


def collect() -> None:
    """Take note of the workers that have ended, so that the kernel can forget them."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Serve; in a worker, run its script."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    for library in LIBRARIES:
        importlib.import_module(library)
    # What the workers share stays shared: a search for garbage would write to each object.
    gc.collect()
    gc.freeze()
    if order := serve(channel):
        runpy.run_path(order.script, run_name="__main__")


if __name__ == "__main__":
    main()
