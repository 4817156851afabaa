"""`python -m infrastructure.packages build|deploy|invoke|remove`: what AWS gets, and how it gets there."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infrastructure.packages import deploy, removal
from infrastructure.packages.aws import Account
from infrastructure.packages.build import ARCHITECTURES, BUNDLED, HOST, PLACE, build
from infrastructure.packages.environments import CONFIG, pairs, read
from infrastructure.packages.errors import DeployError, PackageError
from infrastructure.packages.report import table


def build_all(arguments: argparse.Namespace) -> None:
    """Build the archives of every function and layer, inspect them, and write down what they weigh."""
    for architecture in arguments.architecture or ARCHITECTURES:
        built = build(architecture, arguments.place, arguments.dependencies)
        print(table(built), f"in {built.folder}", sep="\n", end="\n\n", flush=True)


def deploy_one(arguments: argparse.Namespace) -> None:
    """Build, and deploy an environment with the SAM CLI; the change set is shown and has to be confirmed."""
    options = deploy.Options(
        config=arguments.config,
        place=arguments.place,
        dependencies=arguments.dependencies,
        extra=pairs(arguments.parameters),
        guided=arguments.guided,
        confirmed=arguments.yes,
    )
    deploy.deploy(arguments.env, options, _tell)


def invoke(arguments: argparse.Namespace) -> None:
    """Call one of the operators' functions, by its name in the template, and print its answer."""
    account = Account(read(arguments.env, arguments.config))
    account.identity()
    try:
        command = json.loads(arguments.command)
    except ValueError as error:
        message = f"That is not JSON: {error}."
        raise DeployError(message) from error
    print(json.dumps(account.invoke(arguments.function, command), indent=1))


def remove(arguments: argparse.Namespace) -> None:
    """Delete an environment's stack with the SAM CLI, and say what stays."""
    if arguments.data and not arguments.yes:
        stack = read(arguments.env, arguments.config).stack
        print(f"This removes {stack} AND ALL ITS DATA. Type its name: ", end="", flush=True)
        if sys.stdin.readline().strip() != stack:
            message = "Nothing was removed."
            raise DeployError(message)
    removal.remove(arguments.env, _tell, config=arguments.config, confirmed=arguments.yes, data=arguments.data)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "build": build_all,
    "deploy": deploy_one,
    "invoke": invoke,
    "remove": remove,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    one = argparse.ArgumentParser(add_help=False)
    one.add_argument("--env", default="dev", help="environment of samconfig.toml (%(default)s)")
    one.add_argument("--config", type=Path, default=CONFIG, help=argparse.SUPPRESS)
    making = argparse.ArgumentParser(add_help=False)
    place = Path(os.environ.get("MEMORYSYNC_PACKAGES", PLACE))
    making.add_argument("--place", type=Path, default=place, help="where the archives go (MEMORYSYNC_PACKAGES, %(default)s)")
    layers = os.environ.get("LAYER_DEPS", BUNDLED)
    making.add_argument("--dependencies", choices=(BUNDLED, HOST), default=layers, help=argparse.SUPPRESS)
    asking = argparse.ArgumentParser(add_help=False)
    asking.add_argument("--yes", action="store_true", help="ask nobody anything")
    whole = argparse.ArgumentParser(prog="python -m infrastructure.packages", description=__doc__)
    commands = whole.add_subparsers(dest="what", required=True)
    parents = {"build": [making], "deploy": [one, making, asking], "invoke": [one], "remove": [one, asking]}
    each = {
        name: commands.add_parser(name, help=command.__doc__, description=command.__doc__, parents=parents[name])
        for name, command in COMMANDS.items()
    }
    each["build"].add_argument("--architecture", action="append", choices=ARCHITECTURES, help="only this one; may repeat")
    each["deploy"].add_argument("--parameters", default="", help="'Name=value Name=value', before those of samconfig.toml")
    each["deploy"].add_argument("--guided", action="store_true", help="let the SAM CLI ask about everything again")
    each["invoke"].add_argument("function", help="Administer, RebuildIndex")
    each["invoke"].add_argument("command", help="what it is told, as JSON: {} for nothing")
    each["remove"].add_argument("--data", action="store_true", help="also what holds data; the stack's name has to be typed")
    return whole


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        COMMANDS[arguments.what](arguments)
    except (PackageError, DeployError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _tell(said: str) -> None:
    print(said, flush=True)


if __name__ == "__main__":
    sys.exit(main())
