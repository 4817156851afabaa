"""Deploys the template with the SAM CLI, and brings changed code into running functions without it."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.local.errors import DeployError
from infrastructure.local.template import Template, digest, files

if TYPE_CHECKING:
    from infrastructure.local.stack import Stack

SHARED = Path(__file__).resolve().parents[2] / "shared"
PROFILE = "local"
_EMPTY = '""'
"""How the SAM CLI wants to be told that a parameter is empty."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What was deployed last, as digests.

    `pushed` tells that functions got code past CloudFormation at some time: it may then believe that they have
    what the next deploy brings, and not bring it.
    """

    inputs: str
    code: str
    shared: str
    pushed: bool


def deploy(stack: Stack, tell: Callable[[str], None], *, force: bool = False) -> bool:
    """Build and deploy, unless this state has the very same; `False` then. New workers when only `shared/` changed."""
    template = Template(stack.template.resolve())
    last, now = _read(stack), _now(stack, template)
    if last and not force and (last.inputs, last.code) == (now.inputs, now.code):
        if last.shared != now.shared:
            _recycle(stack, template)
            _write(stack, Deployed(now.inputs, now.code, now.shared, last.pushed))
        return False
    (stack.directory / "deployed.json").unlink(missing_ok=True)
    tell(f"Building {template.path.name} ...")
    _sam(stack, "build", "--template-file", str(template.path), "--build-dir", str(stack.directory / "build"))
    tell("Deploying ...")
    _sam(
        stack,
        *("deploy", "--template-file", str(stack.directory / "build" / "template.yaml"), "--stack-name", stack.name),
        *("--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar", "--on-failure", "DELETE"),
        *_overrides(stack, template),
    )
    if last and last.pushed:
        _send_code(stack, template)
    _recycle(stack, template)
    stack.save()
    _write(stack, Deployed(now.inputs, now.code, now.shared, last.pushed if last else False))
    return True


def push(stack: Stack) -> int:
    """Bring changed code into the running functions; return how many got a new zip.

    `shared/` is not in any zip here: new workers import it as it is. A function's own folder is, so when that
    changed each function of it gets a new zip. Raises `DeployError` when the template was never deployed.
    """
    template = Template(stack.template.resolve())
    last, now = _read(stack), _now(stack, template)
    if not last:
        message = "Nothing is deployed yet. Run `python -m infrastructure.local up` first."
        raise DeployError(message)
    sent = _send_code(stack, template) if last.code != now.code else 0
    _recycle(stack, template)
    _write(stack, Deployed(last.inputs, now.code, now.shared, last.pushed or sent > 0))
    return sent


def _send_code(stack: Stack, template: Template) -> int:
    """Give every function its folder as it is now; return how many."""
    client = stack.client("lambda")
    zips = {folder: zip_folder(folder) for folder in template.code()}
    functions = template.functions()
    for logical_id, folder in functions.items():
        client.update_function_code(FunctionName=stack.resource(logical_id), ZipFile=zips[folder])
    return len(functions)


def _recycle(stack: Stack, template: Template) -> None:
    for folder in (SHARED, *template.code()):
        drop_stale_bytecode(folder)
    stack.ask("POST", "/_local/recycle")


def zip_folder(folder: Path) -> bytes:
    """Return a folder's files as a zip, the same bytes for the same files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files(folder):
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())
    return content.getvalue()


def drop_stale_bytecode(folder: Path) -> None:
    """Remove cached bytecode that is older than its source.

    Python compares a source's size and its time in whole seconds, so it would keep the bytecode of a source
    that was changed twice in a second without changing its length.
    """
    for source in folder.rglob("*.py"):
        cached = Path(importlib.util.cache_from_source(str(source)))
        if cached.exists() and cached.stat().st_mtime_ns <= source.stat().st_mtime_ns:
            cached.unlink(missing_ok=True)


def _overrides(stack: Stack, template: Template) -> list[str]:
    """Return the parameters that the template has: the SAM CLI passes on all it is given, CloudFormation refuses unknown ones."""
    known = template.parameters()
    pairs = [f"{name}={value or _EMPTY}" for name, value in stack.deploy_parameters().items() if name in known]
    return ["--parameter-overrides", *pairs] if pairs else []


def _sam(stack: Stack, *arguments: str) -> None:
    """Run the SAM CLI; what it says goes to `sam.log`. Raises `DeployError` with the end of it when it fails."""
    log = stack.directory / "sam.log"
    command = [sys.executable, "-m", "samcli", *arguments, *_profile(stack)]
    with log.open("ab") as output:
        began = output.tell()
        code = subprocess.run(
            command,
            cwd=stack.template.resolve().parent,
            env=stack.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode
    if code:
        said = log.read_bytes()[began:].decode(errors="replace").strip().splitlines()
        message = "\n".join([f"`sam {arguments[0]}` failed with code {code} (all of it is in {log}):", *said[-25:]])
        raise DeployError(message)


def _profile(stack: Stack) -> list[str]:
    """Return the options that choose the profile `local` of samconfig.toml, when there is one."""
    path = stack.template.resolve().with_name("samconfig.toml")
    if path.exists() and PROFILE in tomllib.loads(path.read_text()):
        return ["--config-file", str(path), "--config-env", PROFILE]
    return []


def _now(stack: Stack, template: Template) -> Deployed:
    options = " ".join([stack.name, *_overrides(stack, template)])
    return Deployed(f"{digest(template.inputs())} {options}", digest(template.code()), digest([SHARED]), pushed=False)


def _read(stack: Stack) -> Deployed | None:
    try:
        return Deployed(**json.loads((stack.directory / "deployed.json").read_text()))
    except (FileNotFoundError, TypeError, ValueError):
        return None


def _write(stack: Stack, deployed: Deployed) -> None:
    path = stack.directory / "deployed.json"
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(asdict(deployed)))
    beside.replace(path)
