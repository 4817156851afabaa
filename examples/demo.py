"""The demo: `python -m examples.demo`, while the local stack is up.

Makes a tenant, a project and a key, adds a conversation turn by turn, asks eight questions, shows what came back; then says
three sentences and shows what becomes of each; and leaves the service running. Ends with 1 when an expected memory is not
among the first three answers, or a sentence did not become what it must. Run again, it goes on with what is there: every add
carries an Idempotency-Key, so nothing is stored twice.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from examples import outcomes, report, service_env, story
from examples.report import Asked
from examples.service import NotUpError, RefusedError, Service, ServiceError
from examples.service_env import ServiceEnv
from examples.story import EXPECTED_WITHIN, Story, Turn
from infrastructure.local.errors import FunctionFailedError, LocalStackError
from infrastructure.local.stack import Stack, from_environment

TENANT = PROJECT = "demo"
ENVIRONMENT = "dev"
SHOWN_OF_A_MISS = 10
"""How many answers are asked for, so that a miss can say where the expected memory stands."""

Operator = Callable[[dict[str, Any]], dict[str, Any]]
"""Carries out one command of an operator and returns its answer."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What adding the conversation came to: memory ids by turn, and the seconds of what was new and of what was there."""

    ids: dict[str, str]
    added: list[float]
    repeated: list[float]


def run(  # noqa: PLR0913 - each is one thing it stands on
    base_url: str,
    operator: Operator,
    tale: Story,
    env_path: Path,
    out: Console,
    *,
    transport: httpx.BaseTransport | None = None,
) -> int:
    """Run the demo and return its exit code. Raises `ServiceError` and `LocalStackError`."""
    api_key, kept = obtain_key(base_url, operator, tale.user_id, env_path, transport=transport)
    which = "the key of last time" if kept else "a new key"
    out.print(f"MemorySync answers at {base_url}; tenant {TENANT}, project {PROJECT}, {which}.")
    with Service(base_url, api_key, project_id=PROJECT, transport=transport) as service:
        remembered = remember(service, tale, out)
        asked = ask(service, tale, remembered.ids, out)
        out.print(report.table(asked))
        out.print("> expected   * shares no content word with the memory it expects", markup=False)
        out.print(
            report.speeds(
                {"add": remembered.added, "repeated add": remembered.repeated, "query": [each.seconds for each in asked]}
            )
        )
        wrong = outcomes.run(service, out)
    failures = [*(each.miss for each in asked if not each.passed), *wrong]
    for each in failures:
        out.print(f"FAILED: {each}", markup=False, soft_wrap=True)
    if failures:
        return 1
    out.print(f"All {len(asked)} expected memories are in the top {EXPECTED_WITHIN}; all sentences became what they must.")
    farewell(base_url, api_key, env_path, out)
    return 0


def obtain_key(
    base_url: str, operator: Operator, user_id: str, env_path: Path, *, transport: httpx.BaseTransport | None = None
) -> tuple[str, bool]:
    """Return a key that works, and whether it is the one kept in the file; a new one is written there."""
    kept = service_env.read(env_path)
    if kept and kept.base_url == base_url:
        with Service(base_url, kept.api_key, project_id=PROJECT, transport=transport) as service:
            if service.knows_key(user_id):
                return kept.api_key, True
    operator({"action": "create_tenant", "tenant_id": TENANT, "name": "Demo"})
    operator({"action": "create_project", "tenant_id": TENANT, "project_id": PROJECT, "name": "Demo"})
    command = {"action": "create_key", "tenant_id": TENANT, "project_id": PROJECT, "name": "Demo", "environment": ENVIRONMENT}
    api_key = str(operator(command)["api_key"])
    service_env.write(env_path, ServiceEnv(base_url, api_key))
    return api_key, False


def remember(service: Service, tale: Story, out: Console) -> Remembered:
    """Add every turn, and say how many were there already."""
    remembered = Remembered({}, [], [])
    for turn in report.tracked(out, tale.turns, f"Adding {tale.title!r}"):
        answer = service.add_once(memory_of(tale.user_id, turn), f"demo-{turn.id}").answer
        remembered.ids[turn.id] = answer.body["id"]
        known = answer.replayed or answer.body["outcomes"][0]["outcome"] == "merged"
        (remembered.repeated if known else remembered.added).append(answer.seconds)
    out.print(f"{len(tale.turns)} memories: {len(remembered.added)} added, {len(remembered.repeated)} already there.")
    return remembered


def memory_of(user_id: str, turn: Turn) -> dict[str, Any]:
    """Return the body of the turn's `POST /memory/add`: turns are kept whole, for their sentences lean on each other."""
    return {
        "text": turn.text,
        "user_id": user_id,
        "speaker": turn.speaker,
        "session_id": turn.session_id,
        "occurred_at": turn.occurred_at,
        "source": "conversation",
        "infer": False,
    }


def ask(service: Service, tale: Story, ids: dict[str, str], out: Console) -> list[Asked]:
    """Ask every question."""
    asked = []
    for question in report.tracked(out, tale.questions, "Asking"):
        answer = service.query(tale.user_id, question.question, SHOWN_OF_A_MISS)
        asked.append(Asked(question, answer.body["memories"], ids[question.expected_turn], answer.seconds))
        if answer.body["degraded"]:
            out.print(f"{question.question} The answer is degraded: {', '.join(answer.body['degraded'])}.", markup=False)
    return asked


def farewell(base_url: str, api_key: str, env_path: Path, out: Console) -> None:
    """Say how to go on. Nothing here is wrapped: the lines are made to be pasted."""
    lines = (
        "",
        f"The service runs on. Address and key, also in {env_path}:",
        f"  {base_url}",
        f"  {api_key}",
        "",
        "Add and ask yourself:",
        *report.curl_lines(base_url, api_key),
        "",
        "make down stops it and keeps its state, make reset forgets the state, make logs shows what it does.",
    )
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def operator_of(stack: Stack) -> Operator:
    """Return what asks the stack's operator function. Raises `LocalStackError` with its own words when it refuses."""

    def operate(command: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = stack.invoke("Administer", command)
        except FunctionFailedError as error:
            message = f"{command['action']} failed: {error.payload.get('errorMessage') or error}"
            raise LocalStackError(message) from error
        return answer

    return operate


def check_up(stack: Stack) -> None:
    """Raise `NotUpError` unless the stack runs and the service answers on it."""
    if not stack.running():
        message = f"The local stack is not up (no emulator runs on {stack.directory}). Start everything with: make demo"
        raise NotUpError(message)
    with Service(stack.url, tries=1) as service:
        try:
            service.health()
        except RefusedError as error:
            message = f"The service is not ready. {error}"
            raise NotUpError(message) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo on the local stack; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--env-file", type=Path, default=service_env.DEFAULT_PATH, help="address and key (%(default)s)")
    env_path = parser.parse_args(arguments).env_file
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # A log in plain ASCII gets question marks, not a crash.
    stack = from_environment()
    try:
        check_up(stack)
        return run(stack.url, operator_of(stack), story.load(), env_path, report.console())
    except (ServiceError, LocalStackError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
