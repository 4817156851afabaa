"""One run of schemathesis over the served contract, and what its report says was really tried."""

from __future__ import annotations

import base64
import json
import os
import re
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
TENANTS = {"first": "the tenant", "neighbour": "the tenant", "rival": "the rival's tenant"}
PHASES = ("examples", "coverage", "fuzzing", "stateful")
END_USER = {"X_End_User_ID": "u1"}
CONTRADICTIONS = 6
TURN_SECONDS = 5.0
MOST_TURNS = 720


# Under these names answers show what somebody has; everything below the others is what somebody sent.
IDS = frozenset({"id", "memory_id", "memory_ids", "job_id", "superseded_by", "supersedes", "disputes"})
SENT = frozenset({"metadata", "changed", "problem"})
ID = re.compile("[a-z]+_[0-9A-HJKMNP-TV-Z]{26}")
DONE = frozenset({200, 201, 202, 207})
MULTI_STATUS = 207
FORGET = "DELETE /memory/{id}"


@dataclass
class Tried:
    """What one or more runs did. An operation reads `GET /memory/{id}`, a link `POST /memory/add [201] read`."""

    cases: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By phase and operation."""
    checks: dict[str, set[str]] = field(default_factory=dict)
    """By operation, the checks that looked at an answer of it."""
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By operation and status, what the first user was answered."""
    of_items: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By operation and status, what became of single items in answers to the first user."""
    links: Counter[str] = field(default_factory=Counter)
    """How often a link was followed and led to a 2xx."""
    by_others: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By user, operation and status, how often somebody else asked as the first one did; being shown it is a failure."""
    after_forgetting: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By operation and status, how often a memory was asked for after it was forgotten; being shown it is a failure."""
    failures: list[str] = field(default_factory=list)
    _owners: dict[str, str] = field(default_factory=dict)
    _forgotten: set[str] = field(default_factory=set)

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
        for case_id, node in recorder.get("cases", {}).items():
            case = node["value"]
            operation = f"{case['method']} {case['path']}"
            answer = recorder["interactions"].get(case_id, {}).get("response") or {}
            status = answer.get("status_code", 0)
            checks = recorder["checks"].get(case_id, [])
            self.checks.setdefault(operation, set()).update(check["name"] for check in checks)
            self.failures += [f"{operation}: {check}" for check in checks if check["status"] == "failure"]
            # What has no meta is a request that a check made to compare by, not a case.
            if case.get("meta"):
                self.cases[scenario["phase"], operation] += 1
            user = case.get("auth_identity")
            if user in OTHERS:
                self.by_others[user, operation, status] += 1
            else:
                self.statuses[operation, status] += 1
            if node.get("transition") and node["is_transition_applied"] and status in DONE:
                self.links[node["transition"]["id"].replace(" -> ", " ").rsplit(" ", 2)[0]] += 1
            self._judge(operation, user, case, answer)

    def _judge(self, operation: str, user: str | None, case: dict[str, Any], answer: dict[str, Any]) -> None:
        """Count what was asked for after it was forgotten, and note as failures what nobody may be shown (any more)."""
        status, named = answer.get("status_code", 0), case.get("path_parameters", {}).get("id")
        if named in self._forgotten:
            self.after_forgetting[operation, status] += 1
            # Forgetting again, which says when that was and shows nothing of it, may be answered.
            if status in DONE and operation != FORGET:
                self.failures.append(f"{operation} after it was forgotten: {answer}")
        if status not in DONE or user is None:
            return
        body = json.loads(base64.b64decode(answer["content"]["$base64"]))
        if status == MULTI_STATUS and user not in OTHERS:
            self.of_items.update((operation, item["status"]) for item in body.get("items", ()))
        # The data keys, and the job that goes with them, are the tenant's: two users of one key share them.
        owner = TENANTS[user] if "/org/" in operation else user
        for found in {*shown(body), *([named] if named else [])}:
            if self._owners.setdefault(found, owner) != owner:
                self.failures.append(f"{operation} showed {user} what {self._owners[found]} has: {found}")
        if operation == FORGET:
            self._forgotten.add(named)


def shown(body: Any) -> Iterator[str]:
    """Yield the ids of memories, evidence and jobs that an answer shows, also in what a 207 says of single items.

    An answer of this kind shows somebody what they have: no id may ever stand in answers to two users. schemathesis's own
    check compares whole bodies. Ours carry a `request_id`, so no two of them are ever the same to it.
    """
    for name, value in body.items() if isinstance(body, dict) else ():
        if name in IDS:
            several = value if isinstance(value, list) else [value]
            yield from (each for each in several if isinstance(each, str) and ID.fullmatch(each))
        if name not in SENT:
            yield from shown(value)
    for value in body if isinstance(body, list) else ():
        yield from shown(value)


@dataclass
class Runner:
    """Runs schemathesis against a deployed stack; the whole report stays in `folder`.

    It asks as an end user of one tenant, as one of the same name of a rival's, and as another one with the same key.
    """

    first: User
    rival: User
    folder: Path

    def run(  # noqa: PLR0913 - one word for each thing that a run is told
        self,
        tried: Tried,
        *,
        seed: int,
        examples: int,
        phases: tuple[str, ...] = PHASES,
        share: int = 1,
        operations: str = ".",
    ) -> None:
        """Run these phases, `coverage` with one of `share` cases, and take in what they did and what went wrong.

        `operations`: a regular expression of the ids of those that take part.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._prepare(seed)
        name = f"{seed}-{phases[0]}"
        report = self.folder / f"{name}.ndjson"
        command: list[str | Path] = [
            TOOLS / "schemathesis",
            f"--config-file={self._settings()}",
            "--no-color",
            "run",
            f"{self.first.stack.url}/openapi.json",
            f"--url={self.first.stack.url}",
            # Without a filter the tool leaves out the operation that serves the contract.
            f"--include-operation-id-regex={operations}",
            f"--phases={','.join(phases)}",
            f"--seed={seed}",
            f"--max-examples={examples}",
            "--report=ndjson",
            f"--report-ndjson-path={report}",
        ]
        # It must find its own environment only, and no proxy between itself and the stack.
        environment = {"PATH": f"{TOOLS}{os.pathsep}{os.defpath}", "HOME": str(self.folder), "NO_PROXY": "*", "LC_ALL": "C.UTF-8"}
        environment["COVERAGE_SHARE"] = str(share)
        with subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            said = self._awaited(process)
        (self.folder / f"{name}.log").write_text(said)
        if process.returncode != 0:
            tried.failures.append(f"seed {seed}: {said[-24_000:]}")
        if report.exists():
            tried.read(report)

    def _prepare(self, seed: int) -> None:
        """Let the first user say what contradicts each other, so that something waits for a decision."""
        self.first.call("POST", "/memory/add", {"text": "I live in Rome."}, **END_USER).raise_for_status()
        for number in range(CONTRADICTIONS):
            body = {"text": f"I live in Place {seed} {number}.", "on_conflict": "inbox"}
            self.first.call("POST", "/memory/add", body, **END_USER).raise_for_status()

    def _awaited(self, process: subprocess.Popen[str]) -> str:
        """Return what it said when it has ended; until then jobs run more often than each minute, so that more can begin."""
        for _ in range(MOST_TURNS):
            try:
                return process.communicate(timeout=TURN_SECONDS)[0]
            except subprocess.TimeoutExpired:
                self.first.stack.invoke("RunJobs", {})
        process.kill()
        return process.communicate()[0]

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
    """Yield every link of the contract."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                yield from (f"{method.upper()} {path} [{status}] {name}" for name in answer.get("links", {}))
