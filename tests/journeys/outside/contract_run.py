"""One run of schemathesis over the served contract, and what its report says was really tried."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from tests.journeys.conftest import User

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / ".venv-tools" / "bin"
SETTINGS = Path(__file__).parent / "schemathesis"
OTHERS = ("rival", "neighbour")
PHASES = ("examples", "coverage", "fuzzing", "stateful")
TRIED = ("add_memory", "query_memories", "get_memory", "list_memories", "forget_memory", "health", "ready", "version", "openapi")
"""The operations that are tried: those that remember, find, read, list and forget, and what the service says of itself.

What the custom check may hear from the others (jobs that run, cursors of other lists) is not written down for it yet.
"""
SECONDS = 3600.0


@dataclass
class Tried:
    """What one or more runs did. An operation reads `GET /memory/{id}`, a link `POST /memory/add [201] read`."""

    cases: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By phase and operation."""
    checks: dict[str, set[str]] = field(default_factory=dict)
    """By operation, the checks that looked at an answer of it."""
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By operation and status."""
    links: Counter[str] = field(default_factory=Counter)
    """How often a link was followed and led to a 2xx."""
    by_others: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By user and operation, how often somebody else asked for what the first one has; being shown it is a failure."""
    after_forgetting: Counter[int] = field(default_factory=Counter)
    """By status, how often a memory was asked for after the same scenario had forgotten it."""
    failures: list[str] = field(default_factory=list)

    def operations(self, phase: str) -> set[str]:
        """Return the operations that had at least one case in this phase."""
        return {operation for each, operation in self.cases if each == phase}

    def read(self, report: Path) -> None:
        """Take in the events of one run."""
        for line in report.read_text().splitlines():
            event = json.loads(line)
            if "ScenarioFinished" in event:
                self._scenario(event["ScenarioFinished"])
            elif "NonFatalError" in event or "FatalError" in event:
                self.failures.append(f"{report.stem}: {line[:2000]}")

    def _scenario(self, scenario: dict[str, Any]) -> None:
        recorder = scenario["recorder"]
        forgotten: set[str] = set()
        for case_id, node in recorder.get("cases", {}).items():
            case = node["value"]
            operation = f"{case['method']} {case['path']}"
            answer = recorder["interactions"].get(case_id, {}).get("response") or {}
            status = answer.get("status_code", 0)
            checks = recorder["checks"].get(case_id, [])
            self.statuses[operation, status] += 1
            self.checks.setdefault(operation, set()).update(check["name"] for check in checks)
            self.failures += [f"{operation}: {check}" for check in checks if check["status"] == "failure"]
            # What has no meta is a request that a check made to compare by, not a case.
            if case.get("meta"):
                self.cases[scenario["phase"], operation] += 1
            if case.get("auth_identity") in OTHERS:
                self.by_others[case["auth_identity"], operation] += 1
                if status == 200 and shown(answer):
                    self.failures.append(f"{operation} showed {case['auth_identity']} what somebody else has")
            if node.get("transition") and node["is_transition_applied"] and 200 <= status < 300:
                self.links[node["transition"]["id"].replace(" -> ", " ").rsplit(" ", 2)[0]] += 1
            memory_id = case.get("path_parameters", {}).get("id")
            if case["method"] == "GET" and memory_id in forgotten:
                self.after_forgetting[status] += 1
            if case["method"] == "DELETE" and status == 200:
                forgotten.add(memory_id)


def shown(answer: dict[str, Any]) -> bool:
    """Tell whether an answer shows a memory: others have none.

    schemathesis's own check compares whole bodies. Ours carry a `request_id`, so no two of them are ever the same to it.
    """
    body = json.loads(base64.b64decode(answer["content"]["$base64"]))
    return "text" in body or body.get("items", []) != []


@dataclass
class Runner:
    """Runs schemathesis against a deployed stack; the whole report stays in `folder`.

    It asks as an end user of one tenant, as one of the same name of a rival's, and as another one with the same key.
    """

    first: User
    rival: User
    folder: Path

    def run(self, tried: Tried, *, seed: int, examples: int, phases: tuple[str, ...] = PHASES) -> None:
        """Run these phases, and take in what they did; what went wrong stands in `tried.failures`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{seed}-{phases[0]}"
        report = self.folder / f"{name}.ndjson"
        command: list[str | Path] = [
            TOOLS / "schemathesis",
            f"--config-file={self._settings()}",
            "--no-color",
            "run",
            f"{self.first.stack.url}/openapi.json",
            f"--url={self.first.stack.url}",
            *(f"--include-operation-id={each}" for each in TRIED),
            f"--phases={','.join(phases)}",
            f"--seed={seed}",
            f"--max-examples={examples}",
            "--report=ndjson",
            f"--report-ndjson-path={report}",
        ]
        # It must find its own environment only, and no proxy between itself and the stack.
        environment = {"PATH": f"{TOOLS}{os.pathsep}{os.defpath}", "HOME": str(self.folder), "NO_PROXY": "*", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        (self.folder / f"{name}.log").write_text(done.stdout + done.stderr)
        if done.returncode != 0:
            tried.failures.append(f"seed {seed}: {done.stdout[-20_000:]}{done.stderr[-4_000:]}")
        if report.exists():
            tried.read(report)

    def _settings(self) -> Path:
        users = self.folder / "users.json"
        signed_in = [_signed_in("first", self.first), _signed_in("rival", self.rival), _signed_in("neighbour", self.first, "u2")]
        users.write_text(json.dumps({"auth": signed_in}))
        settings = self.folder / "schemathesis.toml"
        template = Template((SETTINGS / "schemathesis.toml").read_text())
        settings.write_text(template.substitute(checks=SETTINGS / "checks.py", users=users, tenant=self.first.tenant_id))
        return settings


def _signed_in(name: str, user: User, end_user: str = "u1") -> dict[str, Any]:
    headers = {"X-API-Key": user.api_key, "X-End-User-ID": end_user}
    return {"name": name, "fixedHeaders": [{"name": header, "value": value} for header, value in headers.items()]}


def documented_links(document: dict[str, Any]) -> Iterator[str]:
    """Yield every link of the contract between operations that are tried."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for name, link in answer.get("links", {}).items():
                    if {operation["operationId"], link["operationId"]} <= set(TRIED):
                        yield f"{method.upper()} {path} [{status}] {name}"
