"""One local stack: where it keeps its state, which ports it listens on, what is deployed to it, and how to use it.

Several stacks run side by side when their state directories and ports differ.

    stack = Stack(state=Path("scratch"), port=0, api_port=0, template=Path("template.yaml")).with_free_ports()
    stack.start()
    stack.deploy()
    requests to stack.url; stack.invoke("SweepFunction", {}); stack.outputs()["ApiId"]
    stack.stop()
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from infrastructure.local import deploy, index_file, process
from infrastructure.local.clients import client
from infrastructure.local.environment import child_environment
from infrastructure.local.errors import FunctionFailedError, LocalStackError

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Stack:
    """A local stack. It is a value: two equal ones speak to the same emulator.

    `port` is the emulator's (what AWS_ENDPOINT_URL names), `api_port` serves the deployed HTTP API at `/`, `name` is the
    CloudFormation stack, `parameters` are added to the template's defaults.
    """

    state: Path = Path(".local/state")
    port: int = 4566
    api_port: int = 8080
    name: str = "memorysync"
    template: Path = ROOT / "template.yaml"
    parameters: Mapping[str, str] = field(default_factory=dict)

    def with_free_ports(self) -> Self:
        """Return the same stack on two ports that are free now."""
        with socket.socket() as one, socket.socket() as two:
            one.bind((HOST, 0))
            two.bind((HOST, 0))
            return replace(self, port=one.getsockname()[1], api_port=two.getsockname()[1])

    @cached_property
    def directory(self) -> Path:
        """The state directory, absolute."""
        return self.state.resolve()

    @property
    def url(self) -> str:
        """Where the deployed HTTP API answers; no slash at the end."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def endpoint(self) -> str:
        """Where the emulated AWS services answer."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What the emulator and the functions wrote."""
        return self.directory / "emulator.log"

    @property
    def index(self) -> Path:
        """The embedded search index: the parameter SearchEndpoint unless OPENSEARCH_URL names an engine on this machine."""
        return self.directory / "index.db"

    def environment(self) -> dict[str, str]:
        """Return the whole environment of our child processes: nothing of the user's AWS, proxy or Python settings leaks in."""
        return child_environment(self)

    def start(self) -> bool:
        """Start the emulator and wait until it answers; `False` when it ran already. Raises `LocalStackError`."""
        return process.start(self)

    def deploy(self, *, force: bool = False, tell: Callable[[str], None] = lambda _: None) -> bool:
        """Build and deploy the template with the SAM CLI; `False` when nothing changed since. Raises `DeployError`.

        `tell` is called with a sentence before each step that takes seconds. An OpenSearch on this machine gets its index,
        an index file of another release is filled anew.
        """
        changed = deploy.deploy(self, tell, force=force)
        if self.outputs().get("SearchEndpoint", "").startswith("http://"):
            # Imported late: most stacks have the embedded index.
            from infrastructure.local import search  # noqa: PLC0415 - as it says

            search.make_first_index(self)
        else:
            index_file.renew(self, tell)
        return changed

    def push(self) -> int:
        """Bring changed code into the running functions; return how many got new code of their own. Raises `DeployError`."""
        return deploy.push(self)

    def stop(self) -> bool:
        """Stop the emulator, which saves its state; `False` when it did not run."""
        return process.stop(self)

    def kill(self) -> bool:
        """End the emulator and all its workers with SIGKILL; `False` when it did not run."""
        return process.kill(self)

    def reset(self) -> None:
        """Stop, and forget the state. Raises `StateError` when the directory is not one of ours."""
        process.reset(self)

    def running(self) -> process.Running | None:
        """Return the emulator that runs on this state, if one does."""
        return process.running(self.directory)

    def save(self) -> None:
        """Write all state to disk now."""
        self.ask("POST", "/_local/save")

    def ask(self, method: str, path: str) -> dict[str, Any]:
        """Send a request to the launcher itself. Raises `LocalStackError`."""
        status, body = process.request(self, method, path)
        if status >= 400:  # noqa: PLR2004 - HTTP: 400 and above are errors
            message = f"{method} {path} answered {status}: {body.decode(errors='replace')}"
            raise LocalStackError(message)
        answer: dict[str, Any] = json.loads(body)
        return answer

    def client(self, service: str) -> Any:  # noqa: ANN401 - botocore's clients are made at run time
        """Return a botocore client of an emulated service, as the account's root."""
        return client(self.endpoint, service)

    def outputs(self) -> dict[str, str]:
        """Return the deployed stack's outputs. Raises botocore's `ClientError` while nothing is deployed."""
        answer = self.client("cloudformation").describe_stacks(StackName=self.name)
        return {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", [])}

    def resource(self, logical_id: str) -> str:
        """Return the physical name of a resource of the template."""
        detail = self.client("cloudformation").describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])

    def invoke(self, logical_id: str, payload: object) -> Any:  # noqa: ANN401 - any JSON
        """Call a function of the template and return its answer. Raises `FunctionFailedError` when it raises."""
        answer = self.client("lambda").invoke(FunctionName=self.resource(logical_id), Payload=json.dumps(payload).encode())
        result = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise FunctionFailedError(logical_id, result)
        return result

    def arguments(self) -> list[str]:
        """Return the command that runs the launcher of this stack."""
        options = [
            "--state",
            str(self.directory),
            "--port",
            str(self.port),
            "--api-port",
            str(self.api_port),
            "--stack",
            self.name,
        ]
        return [sys.executable, "-m", "infrastructure.local.launcher", *options]

    def deploy_parameters(self) -> dict[str, str]:
        """Return what the template gets for its parameters on one machine, whether or not it has them."""
        local = {
            "Stage": "local",
            "EmbeddingProvider": "local",
            "SearchEndpoint": os.environ.get("OPENSEARCH_URL") or self.index.as_uri(),
            "EmbedderDir": os.environ.get("EMBEDDER_DIR", str(ROOT / ".local" / "embedder")),
            "LocalEndpoint": self.endpoint,
        }
        return {**local, **self.parameters}


def from_environment() -> Stack:
    """Return the default stack, with what MEMORYSYNC_LOCAL_* variables change."""
    stack = Stack()
    prefix = "MEMORYSYNC_LOCAL_"
    return replace(
        stack,
        state=Path(os.environ.get(f"{prefix}STATE", str(stack.state))),
        port=int(os.environ.get(f"{prefix}PORT", str(stack.port))),
        api_port=int(os.environ.get(f"{prefix}API_PORT", str(stack.api_port))),
        name=os.environ.get(f"{prefix}STACK", stack.name),
        template=Path(os.environ.get(f"{prefix}TEMPLATE", str(stack.template))),
    )
