"""`make deploy`: builds what AWS gets, lets the SAM CLI bring it there, and makes the index that the functions need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from backend.index.endpoint import HTTP, fault_of
from infrastructure.packages.aws import Account
from infrastructure.packages.build import BUNDLED, PLACE, ROOT, build
from infrastructure.packages.environments import CONFIG, Environment, override, read
from infrastructure.packages.errors import DeployError
from infrastructure.packages.report import table

Tell = Callable[[str], None]

_NOT_YET = {None, "REVIEW_IN_PROGRESS"}
"""A stack whose first change set nobody confirmed exists by name only."""
_NEVER_WORKED = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}
_GUIDE = """\
This is the first deployment of {stack}: the SAM CLI asks about everything. Enter takes what stands in brackets, and that
is right, but for the region (yours) and two kinds of questions:
  "... has no authentication. Is this okay?"   y each time: the functions themselves check keys and tokens
  "Deploy this changeset?"                     y, when you have read it
docs/deploy.md explains every parameter."""
_FIRST_KEY = """\
The first tenant, project and key (docs/deploy.md goes on from here):
  operator() {{ {python} -m infrastructure.packages invoke Administer --env {name} "$1"; }}
  operator '{{"action": "create_tenant", "tenant_id": "acme", "name": "Acme"}}'
  operator '{{"action": "create_project", "tenant_id": "acme", "project_id": "main", "name": "Main"}}'
  operator '{{"action": "create_key", "tenant_id": "acme", "name": "First key"}}'"""


@dataclass(frozen=True, slots=True)
class Options:
    """How to deploy. `extra` parameters go before those of the profile; `confirmed` asks nobody anything."""

    config: Path = CONFIG
    place: Path = PLACE
    dependencies: str = BUNDLED
    extra: Mapping[str, str] | None = None
    guided: bool = False
    confirmed: bool = False


def deploy(name: str, options: Options, tell: Tell) -> None:
    """Deploy an environment. Raises `DeployError` before anything is built when it could not go well, and when it did not."""
    environment = read(name, options.config)
    parameters = {**environment.parameters, **(options.extra or {})}
    _insist(environment, parameters)
    account = Account(environment)
    number, who = account.identity()
    tell(f"{environment.stack}: account {number}, region {account.region}, as {who}")
    status = (account.described() or {}).get("StackStatus")
    if status in _NEVER_WORKED:
        message = (
            f"{environment.stack} is what a first deployment left that failed ({status}), and cannot be updated. Look at its"
            f" events, then remove it: {sys.executable} -m infrastructure.packages remove --env {name}"
        )
        raise DeployError(message)
    architecture = parameters.get("Architecture", environment.architecture)
    tell(f"Building for {architecture} ...")
    built = build(architecture, options.place, options.dependencies)
    tell(table(built))
    guided = (options.guided or status in _NOT_YET) and not options.confirmed
    if guided:
        tell(_GUIDE.format(stack=environment.stack))
    _sam_deploy(environment, account, built.template, {**parameters, "Architecture": architecture}, options, guided=guided)
    _finish(read(name, options.config), tell)


def _insist(environment: Environment, parameters: Mapping[str, str]) -> None:
    missing = environment.missing(parameters)
    if missing:
        message = (
            f"{environment.name} is not deployed without {', '.join(missing)}: docs/deploy.md says what to give. Put it into"
            f" samconfig.toml, or: make deploy ENV={environment.name} PARAMETERS='{missing[0]}=...'"
        )
        raise DeployError(message)
    endpoint = parameters.get("SearchEndpoint", "")
    if urlsplit(endpoint).scheme in HTTP and (fault := fault_of(endpoint)):
        message = f'{environment.name} is not deployed: its SearchEndpoint {fault} docs/deploy.md, "The index".'
        raise DeployError(message)


def _sam_deploy(  # noqa: PLR0913 - they are what one command line is made of
    environment: Environment,
    account: Account,
    template: Path,
    parameters: Mapping[str, str],
    options: Options,
    *,
    guided: bool,
) -> None:
    command = [sys.executable, "-m", "samcli", "deploy", "--template-file", str(template)]
    command += ["--config-file", str(options.config.resolve()), "--config-env", environment.name, "--region", account.region]
    command += ["--parameter-overrides", *(override(*each) for each in parameters.items())]
    command += ["--guided"] if guided else []
    command += ["--no-confirm-changeset"] if options.confirmed else []
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False)
    if done.returncode:
        message = (
            f"`sam deploy` ended with code {done.returncode}; what it said stands above. CloudFormation took back what it began."
        )
        raise DeployError(message)


def _finish(environment: Environment, tell: Tell) -> None:
    """Do what CloudFormation does not: protect the stack, make the index. Everything here may be done again."""
    account = Account(environment)
    described = account.described()
    if described is None or described["StackStatus"] in _NOT_YET:
        message = (
            f"{environment.stack} was not deployed. (Under another name or region? Save them when asked, and run this again.)"
        )
        raise DeployError(message)
    if environment.protected:
        account.protect(protected=True)
        tell(f"{environment.stack} is protected: it cannot be deleted before somebody lifts that.")
    make_index(environment, account, tell)
    tell(f"The API: {account.outputs()['ApiUrl']}")
    tell(_FIRST_KEY.format(python=Path(sys.executable), name=environment.name))


def make_index(environment: Environment, account: Account, tell: Tell) -> None:
    """Make the first index of the deployed stack; harmless when it is there. Raises `DeployError` when it cannot be made."""
    if account.parameters().get("SearchEndpoint", "").startswith("file:"):
        tell("The index is a file: it makes itself.")
        return
    command = [sys.executable, "-m", "infrastructure.search", "create", "--stack", environment.stack, "--region", account.region]
    tell(f"The index: {' '.join(command[1:])}")
    settings = {**os.environ, **({"AWS_PROFILE": environment.profile} if environment.profile else {})}
    if subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode:
        message = f"The stack is deployed, its index is not made. The reason stands above; then again: {' '.join(command)}"
        raise DeployError(message)
