"""Runs inside the emulator's process: patches it, makes its state durable, and serves both ports on the loopback.

The emulator reads its settings from the environment when it is imported, so this runs with `Stack.environment()`.
Beside the emulated services, its port answers on `/_local/`: `GET status`, `GET rights` (which of them functions have used),
`POST save`, `POST recycle` (new workers for all functions).
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn
from ministack import app as emulator
from ministack.core import lambda_runtime
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infrastructure.local import durability, process
from infrastructure.local.errors import LocalStackError, StateError
from infrastructure.local.gateway import Gateway, Receive, Scope, Send
from infrastructure.local.patches import apply_all
from infrastructure.local.patches.patcher import Patcher
from infrastructure.local.rights import UsedRights
from infrastructure.local.versions import EMULATOR_VERSION

HOST = "127.0.0.1"
KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 2
COLLECT_AFTER = (10_000, 10, 100)
"""How many new containers, and how many searches of the younger, start a search for garbage among each generation."""


class Launcher:
    """The ASGI application of both ports."""

    def __init__(self, arguments: argparse.Namespace, saver: durability.Saver, rights: UsedRights) -> None:
        self._arguments = arguments
        self._saver = saver
        self.failure: str | None = None
        """Why the state could not be loaded, if so."""
        self._gateway = Gateway(arguments.stack)
        self._commands: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
            ("GET", "/_local/status"): self.status,
            ("GET", "/_local/rights"): rights.listed,
            ("POST", "/_local/save"): self.save,
            ("POST", "/_local/recycle"): self.recycle,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a request to the gateway, to one of our own commands, or to the emulator."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] != "http":
            await emulator.app(scope, receive, send)
        elif scope["server"][1] == self._arguments.api_port:
            await self._gateway(scope, receive, emulator._with_date_header(send))
        elif command := self._commands.get((scope["method"], scope["path"])):
            await self._obey(command, send)
        else:
            await emulator.app(scope, receive, send)

    async def _obey(self, command: Callable[[], dict[str, Any]], send: Send) -> None:
        """Run one of our own commands; what the disk refuses is told."""
        try:
            status, answer = HTTPStatus.OK, await asyncio.to_thread(command)
        except (OSError, StateError) as error:
            status, answer = HTTPStatus.INTERNAL_SERVER_ERROR, {"message": f"The state could not be saved: {error}"}
        headers = {"Content-Type": "application/json"}
        await emulator._send_response(send, int(status), headers, json.dumps(answer).encode())

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the emulator load its state; when that fails do not serve, for the next save would overwrite it."""
        started = False

        async def tell(message: dict[str, Any]) -> None:
            nonlocal started
            if message["type"] == "lifespan.startup.complete":
                started = True
                spare_the_state()
            await send(message)

        try:
            await emulator.app(scope, receive, tell)
        except Exception as error:
            if started:
                raise
            # Any other way out of here makes the server go on without state.
            self.failure = f"{type(error).__name__}: {error}"
            await send({"type": "lifespan.startup.failed", "message": self.failure})

    def status(self) -> dict[str, Any]:
        """Say which state this is and what it holds."""
        deployed = self._gateway.deployed()
        return {
            "state": str(self._arguments.state),
            "pid": os.getpid(),
            "emulator": EMULATOR_VERSION,
            "api_id": deployed[0] if deployed else None,
            "workers": sum(map(len, list(lambda_runtime._workers.values()))),
            **self._saver.status(),
        }

    def save(self) -> dict[str, Any]:
        """Write all state to disk."""
        return {"saved": self._saver.save_all()}

    def recycle(self) -> dict[str, Any]:
        """End all workers: the next call of each function starts with the code as it is now."""
        count = sum(map(len, list(lambda_runtime._workers.values())))
        lambda_runtime.reset()
        return {"recycled": count}


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    arguments = parse(argv)
    try:
        check_emulator()
        _lock = process.hold(arguments.state, process.Running(os.getpid(), arguments.port, arguments.api_port))
        apply_all(patcher := Patcher())
        saver = durability.Saver(arguments.state / "emulator")
        saver.apply(patcher)
        rights = UsedRights()
        rights.apply(patcher)
    except LocalStackError as error:
        sys.exit(str(error))
    raise_file_limit()
    app = Launcher(arguments, saver, rights)
    try:
        asyncio.run(run(app, [listening(arguments.port), listening(arguments.api_port)]))
    except OSError as error:
        sys.exit(str(error))
    except SystemExit:
        # The server's way to say that the application did not start.
        sys.exit(app.failure)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m infrastructure.local.launcher", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--stack", required=True)
    return parser.parse_args(argv)


def check_emulator() -> None:
    """Raise `StateError` when another emulator is installed than the one that the patches are written for."""
    installed = version("ministack")
    if installed != EMULATOR_VERSION:
        message = f"MiniStack {installed} is installed, the patches are for {EMULATOR_VERSION}: install the locked requirements."
        raise StateError(message)


def spare_the_state() -> None:
    """Stop searching what is loaded for garbage, and search what comes in seldom: items stay, and a search reads each of them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def raise_file_limit() -> None:
    """Allow as many open files as the system lets us: each worker needs three."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server(uvicorn.Server):
    """Serves until it is told to stop. Signals are the business of who runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: the server's own handling would end the process before the workers have ended."""
        yield


class Protocol(HttpToolsProtocol):
    """Reads requests. What a header's value may hold is for the application to say, in its own words."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the server's own arguments
        super().__init__(*args, **options)
        # The parser's own answer to a control character names neither the header nor the cure. It is dangerous where a proxy
        # stands before the server and reads otherwise; here only programs of this machine do.
        self.parser.set_dangerous_leniencies(lenient_headers=True)


def listening(port: int) -> socket.socket:
    """Return a socket on a port of the loopback. Raises `OSError` when somebody else has it."""
    # Named as TCP, so that asyncio sends answers at once and does not wait for more to go with them.
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind((HOST, port))
    return taken


async def run(app: Launcher, sockets: list[socket.socket]) -> None:
    """Serve until a signal asks to stop; then end the workers."""
    server = Server(
        uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, setattr, server, "should_exit", True)  # noqa: FBT003 - as setattr takes it
    await server.serve(sockets)
    lambda_runtime.reset()


if __name__ == "__main__":
    main()
