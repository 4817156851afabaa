"""The command line of the local stack: `python -m infrastructure.local COMMAND`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from infrastructure.local import process
from infrastructure.local.errors import LocalStackError
from infrastructure.local.stack import Stack, from_environment

_LOG_POLL_SECONDS = 0.2


def up(stack: Stack, arguments: argparse.Namespace) -> int:
    """Start the emulator and deploy the template to it; quick when nothing changed."""
    if stack.start():
        print(f"The emulator runs on {stack.endpoint} (state in {stack.directory}).", flush=True)
    if not arguments.no_deploy:
        began = time.monotonic()
        if stack.deploy(force=arguments.force, tell=lambda step: print(step, flush=True)):
            print(f"Deployed in {time.monotonic() - began:.0f} s.", flush=True)
    print(stack.url)
    return 0


def down(stack: Stack, _: argparse.Namespace) -> int:
    """Stop the emulator; its state stays."""
    print("Stopped." if stack.stop() else "No emulator runs.")
    return 0


def reset(stack: Stack, _: argparse.Namespace) -> int:
    """Stop the emulator and forget its state."""
    stack.reset()
    print(f"{stack.directory} is gone.")
    return 0


def push(stack: Stack, _: argparse.Namespace) -> int:
    """Bring changed code into the running functions."""
    began = time.monotonic()
    sent = stack.push()
    print(f"New workers for all functions, new code for {sent}, in {time.monotonic() - began:.1f} s.")
    return 0


def status(stack: Stack, _: argparse.Namespace) -> int:
    """Say what runs; exit code 1 when nothing does."""
    alive = stack.running()
    if not alive:
        print("No emulator runs.")
        return 1
    print(f"emulator  pid {alive.pid} on {stack.endpoint}\napi       {stack.url}\nlog       {stack.log}")
    for name, value in sorted(stack.ask("GET", "/_local/status").items()):
        print(f"{name:<16}{value}")
    return 0


def logs(stack: Stack, arguments: argparse.Namespace) -> int:
    """Print the end of the emulator's log, which has the functions' lines too, and what comes until interrupted."""
    print(process.tail(stack.log, arguments.lines), flush=True)
    if arguments.follow and stack.log.exists():
        with contextlib.suppress(KeyboardInterrupt), stack.log.open(errors="replace") as log:
            log.seek(0, 2)
            while True:
                line = log.readline()
                if line:
                    print(line, end="", flush=True)
                else:
                    time.sleep(_LOG_POLL_SECONDS)
    return 0


COMMANDS: dict[str, Callable[[Stack, argparse.Namespace], int]] = {
    "up": up,
    "down": down,
    "reset": reset,
    "push": push,
    "status": status,
    "logs": logs,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; its defaults come from MEMORYSYNC_LOCAL_* variables."""
    stack = from_environment()
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", type=Path, default=stack.state, help="directory of the state (%(default)s)")
    common.add_argument("--port", type=int, default=stack.port, help="port of the emulated services (%(default)s)")
    common.add_argument("--api-port", type=int, default=stack.api_port, help="port of the deployed API (%(default)s)")
    common.add_argument("--stack", default=stack.name, help="name of the CloudFormation stack (%(default)s)")
    common.add_argument("--template", type=Path, default=stack.template, help="template to deploy")
    common.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="parameter of the template; may repeat"
    )
    whole = argparse.ArgumentParser(prog="python -m infrastructure.local", description=__doc__)
    commands = whole.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        one = commands.add_parser(name, help=command.__doc__, description=command.__doc__, parents=[common])
        if name == "up":
            one.add_argument("--force", action="store_true", help="deploy even when nothing changed")
            one.add_argument("--no-deploy", action="store_true", help="only start the emulator")
        if name == "logs":
            one.add_argument("--lines", type=int, default=100, help="how many lines to print (%(default)s)")
            one.add_argument("--no-follow", dest="follow", action="store_false", help="print what is there and end")
    return whole


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args(argv)
    stack = replace(
        from_environment(),
        state=arguments.state,
        port=arguments.port,
        api_port=arguments.api_port,
        name=arguments.stack,
        template=arguments.template,
        parameters=dict(pair.split("=", 1) for pair in arguments.parameter),
    )
    try:
        return COMMANDS[arguments.command](stack, arguments)
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
