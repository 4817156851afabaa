"""`make deploy` and `make undeploy`, as a person types them, against the emulator instead of AWS.

The layers are built without content, as the local stack's always are: its functions run in this environment. What the
layers of AWS hold is tested where they are built (`make test-packages`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from infrastructure.local.stack import ROOT, Stack

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("deploy")]

QUESTION = re.compile(r"(?:\[[^\]\n]*\]|Type its name): $")
"""What stands before the cursor when a command waits for an answer: the default in brackets, or our own question."""


@dataclass
class Person:
    """Somebody at a terminal, with an emulator where AWS would be."""

    stack: Stack
    folder: Path

    def run(self, *command: str, **answers: str) -> tuple[int, str]:
        """Run a command; answer a question by the words in it, and every other one with Enter. Return code and output."""
        settings = {"PYTHONPATH": ".:functions", "LAYER_DEPS": "host", "MEMORYSYNC_PACKAGES": str(self.folder / "packages")}
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.stack.environment(), **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdin
        assert process.stdout
        said, asked = "", 0
        while read := os.read(process.stdout.fileno(), 4096):
            said += read.decode()
            if QUESTION.search(said):
                question, asked = said[asked:].rpartition("\n")[2], len(said)
                words = next((words for words in answers if words.replace("_", " ") in question), "")
                process.stdin.write(f"{answers.get(words, '')}\n".encode())
                process.stdin.flush()
        process.stdin.close()
        process.stdout.close()
        return process.wait(), said

    def make(self, target: str, *variables: str, **answers: str) -> tuple[int, str]:
        """Run one of the Makefile's targets in this environment."""
        environment = f"VENV={Path(sys.executable).parents[1]}"
        return self.run("make", "--no-print-directory", target, environment, *variables, **answers)

    def operate(self, **command: str) -> dict[str, Any]:
        """Do something as the operator, to the tenant acme."""
        words = [sys.executable, "-m", "infrastructure.packages", "invoke", "Administer", "--env", "prod"]
        code, said = self.run(*words, json.dumps({"tenant_id": "acme", **command}))
        assert code == 0, said
        answer: dict[str, Any] = json.loads(said)
        return answer


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    emulator = Stack(state=tmp_path / "state", name="memorysync-prod").with_free_ports()
    emulator.start()
    try:
        yield Person(emulator, tmp_path)
    finally:
        emulator.stop()


def parameters(person: Person, **more: str) -> str:
    """Return what the emulator needs otherwise than AWS: an embedded index, the model in its folder, a topic that is none."""
    given = {
        "SearchEndpoint": person.stack.index.as_uri(),
        "EmbedderDir": os.environ.get("EMBEDDER_DIR", str(ROOT / ".local" / "embedder")),
        "AlarmTopic": "arn:aws:sns:us-east-1:000000000000:alarms",
        **more,
    }
    return "PARAMETERS=" + " ".join(f"{name}={value}" for name, value in given.items())


def test_what_is_deployed_works_changes_and_goes_again(person: Person) -> None:
    code, said = person.make(
        *("deploy", "ENV=prod", parameters(person)), no_authentication="y", Deploy_this_changeset="y", Save_arguments="n"
    )

    assert code == 0, said
    assert "This is the first deployment of memorysync-prod" in said
    assert "CloudFormation stack changeset" in said
    assert "Successfully created/updated stack - memorysync-prod" in said
    assert f"The API: {person.stack.outputs()['ApiUrl']}" in said
    assert remembers(person)

    code, said = person.make("deploy", "ENV=prod", parameters(person, LogRetentionDays="30"), Deploy_this_changeset="y")

    assert code == 0, said
    assert "first deployment" not in said
    assert "Parameter LogRetentionDays" not in said, "a later deployment asks about the change set alone"
    [logs] = person.stack.client("logs").describe_log_groups(logGroupNamePrefix=person.stack.resource("Logs"))["logGroups"]
    assert logs["retentionInDays"] == 30

    code, said = person.make("undeploy", "ENV=prod", Are_you_sure="y")

    assert code
    assert "memorysync-prod is protected" in said

    person.stack.client("cloudformation").update_termination_protection(
        StackName="memorysync-prod", EnableTerminationProtection=False
    )
    tables = person.stack.client("dynamodb").list_tables()["TableNames"]
    code, said = person.make("undeploy", "ENV=prod", "DATA=1", Type_its_name="memorysync-prod", Are_you_sure="y")

    assert code == 0, said
    assert len(tables) == 6
    assert all(f"Removed: {table.split('-')[2]}, {table}" in said for table in tables)
    assert person.stack.client("dynamodb").list_tables()["TableNames"] == []
    [secret] = person.stack.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert "DeletedDate" in secret
    kms = person.stack.client("kms")
    [state] = {kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in kms.list_keys()["Keys"]}
    assert state == "PendingDeletion"


def remembers(person: Person) -> bool:
    """Make the first key as docs/deploy.md says, store a memory with it, and ask for it."""
    person.operate(action="create_tenant", name="Acme")
    person.operate(action="create_project", project_id="main", name="Main")
    key = person.operate(action="create_key", name="First key")["api_key"]
    headers = {"X-API-Key": key, "X-Project-ID": "main", "X-End-User-ID": "me"}
    with httpx.Client(base_url=person.stack.url, headers=headers, timeout=40) as http:
        added = http.post("/memory/add", json={"text": "The key of the cellar hangs behind the blue door."})
        assert added.status_code == 201, added.text
        found = http.post("/memory/query", json={"query": "How do I get into the basement?"})
        assert found.status_code == 200, found.text
        return [each["text"] for each in found.json()["memories"]] == ["The key of the cellar hangs behind the blue door."]
