"""The deployed stack, seen with the AWS identity of whoever runs the command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infrastructure.packages.environments import Environment
from infrastructure.packages.errors import DeployError

_CONFIG = Config(connect_timeout=10, read_timeout=70, retries={"total_max_attempts": 4, "mode": "standard"})
"""`Administer` may take 28 seconds, and is not called a second time while the first call may still be at work."""
NO_IDENTITY = """\
No AWS identity answers: {reason}
What to do, whichever way your account works:
  aws configure sso        and AWS_PROFILE=NAME make deploy
  aws configure            for an access key
  export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... (and AWS_SESSION_TOKEN=...)
docs/deploy.md says which rights it needs. Nothing was built or deployed."""
NO_REGION = "No region: set `region` in samconfig.toml, or AWS_REGION. Nothing was built or deployed."


class Account:
    """One account and region, and a stack in it.

    What AWS refuses is raised as `DeployError` by `identity` alone; elsewhere botocore's own errors say enough.
    """

    def __init__(self, environment: Environment) -> None:
        self._session = botocore.session.get_session()
        if environment.profile:
            self._session.set_config_variable("profile", environment.profile)
        self.region = environment.region or str(self._session.get_config_variable("region") or "")
        self.stack = environment.stack

    def client(self, service: str) -> Any:  # noqa: ANN401 - botocore's clients are made at run time
        """Return a client of a service. `AWS_ENDPOINT_URL` is heeded, as by the SAM CLI."""
        return self._session.create_client(service, region_name=self.region, config=_CONFIG)

    def identity(self) -> tuple[str, str]:
        """Return the account's number and who is asking. Raises `DeployError` with the cure when nobody is."""
        if not self.region:
            raise DeployError(NO_REGION)
        try:
            answer = self.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise DeployError(NO_IDENTITY.format(reason=error)) from error
        return str(answer["Account"]), str(answer["Arn"])

    @cached_property
    def _stacks(self) -> Any:  # noqa: ANN401 - as above
        return self.client("cloudformation")

    def described(self) -> dict[str, Any] | None:
        """Return CloudFormation's description of the stack, None when there is none."""
        try:
            answer: dict[str, Any] = self._stacks.describe_stacks(StackName=self.stack)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        return answer

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs. Raises `DeployError` when there is no stack."""
        return {each["OutputKey"]: each["OutputValue"] for each in self._there().get("Outputs", [])}

    def parameters(self) -> dict[str, str]:
        """Return the parameters that the stack was deployed with. Raises `DeployError` when there is no stack."""
        return {each["ParameterKey"]: each["ParameterValue"] for each in self._there().get("Parameters", [])}

    def protect(self, *, protected: bool) -> None:
        """Let nobody delete the stack, or let them."""
        self._stacks.update_termination_protection(StackName=self.stack, EnableTerminationProtection=protected)

    def is_protected(self) -> bool:
        """Return whether the stack cannot be deleted."""
        return bool(self._there().get("EnableTerminationProtection"))

    def resources(self) -> Iterator[Mapping[str, Any]]:
        """Yield CloudFormation's summaries of the stack's resources."""
        for page in self._stacks.get_paginator("list_stack_resources").paginate(StackName=self.stack):
            yield from page["StackResourceSummaries"]

    def template(self) -> Any:  # noqa: ANN401 - JSON is parsed by botocore, YAML stays text
        """Return the template that CloudFormation works with, after SAM's transform."""
        return self._stacks.get_template(StackName=self.stack, TemplateStage="Processed")["TemplateBody"]

    def invoke(self, function: str, command: object) -> Any:  # noqa: ANN401 - any JSON
        """Call a function by its logical id; return its answer. Raises `DeployError` with what it says when it raises."""
        detail = self._stacks.describe_stack_resource(StackName=self.stack, LogicalResourceId=function)
        name = detail["StackResourceDetail"]["PhysicalResourceId"]
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(command).encode())
        result = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            message = f"{function} failed: {result.get('errorType')}: {result.get('errorMessage')}"
            raise DeployError(message)
        return result

    def _there(self) -> dict[str, Any]:
        described = self.described()
        if described is None:
            message = f"There is no stack {self.stack} in {self.region}."
            raise DeployError(message)
        return described
