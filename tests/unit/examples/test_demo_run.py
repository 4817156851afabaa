"""What a person at the terminal can rely on when the demo runs."""

from __future__ import annotations

import io
import json
import re
import shlex
import stat
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from rich.console import Console

from examples import demo, report, service_env
from examples.report import WIDTH_OF_A_LOG, Asked
from examples.service import NotUpError, Service
from examples.service_env import ServiceEnv
from examples.story import Question, Story, Turn
from infrastructure.local.errors import FunctionFailedError, LocalStackError
from infrastructure.local.process import Running
from infrastructure.local.stack import Stack
from tests.unit.examples.small_service import SmallService

BASE_URL = "http://127.0.0.1:8080"
STORY = Story(
    title="Two calls",
    user_id="ada",
    turns=(
        Turn("t1", "Ada", "s1", "2026-03-01T10:00:00Z", "The boat is green."),
        Turn("t2", "Bo", "s1", "2026-03-01T10:01:00Z", "My sister plays chess."),
        Turn("t3", "Ada", "s2", "2026-03-08T10:00:00Z", "The train leaves at nine."),
        Turn("t4", "Bo", "s2", "2026-03-08T10:01:00Z", "I planted an apple tree."),
    ),
    questions=(
        Question("q1", "Which boat?", "t1", shares_words=True),
        Question("q2", "When is the train?", "t3", shares_words=True),
    ),
)


class Desk:
    """An operator that hands out the keys the service knows, and a place to run the demo from."""

    def __init__(self, folder: Path) -> None:
        self.service = SmallService()
        self.commands: list[dict[str, Any]] = []
        self.env_path = folder / "new" / "service.env"

    def operate(self, command: dict[str, Any]) -> dict[str, Any]:
        self.commands.append(command)
        if command["action"] != "create_key":
            return {}
        api_key = f"ms_dev_{len(self.service.keys)}"
        self.service.keys.add(api_key)
        return {"api_key": api_key}

    def run(self, story: Story = STORY, base_url: str = BASE_URL) -> tuple[int, str]:
        out = io.StringIO()
        console = Console(file=out, width=WIDTH_OF_A_LOG, highlight=False)
        code = demo.run(base_url, self.operate, story, self.env_path, console, transport=self.service.transport)
        return code, out.getvalue()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_tenant_a_project_and_a_key_bound_to_it_are_made_first(desk: Desk) -> None:
    desk.run()

    assert [command["action"] for command in desk.commands] == ["create_tenant", "create_project", "create_key"]
    assert desk.commands[-1]["tenant_id"] == desk.commands[-1]["project_id"] == "demo"


def test_address_and_key_are_kept_for_the_owner_alone(desk: Desk) -> None:
    desk.run()

    assert service_env.read(desk.env_path) == ServiceEnv(BASE_URL, "ms_dev_0")
    assert stat.S_IMODE(desk.env_path.stat().st_mode) == 0o600


def test_every_turn_is_added_once_with_its_own_idempotency_key(desk: Desk) -> None:
    code, shown = desk.run()

    adds = [request for request in desk.service.seen if request.url.path == "/memory/add"][: len(STORY.turns)]
    assert code == 0
    assert [request.headers["Idempotency-Key"] for request in adds] == ["demo-t1", "demo-t2", "demo-t3", "demo-t4"]
    assert {request.headers["X-Project-ID"] for request in adds} == {"demo"}
    assert json.loads(adds[0].content)["speaker"] == "Ada"
    assert "4 memories: 4 added, 0 already there." in shown


def test_run_again_it_goes_on_with_the_key_and_the_memories_that_are_there(desk: Desk) -> None:
    desk.run()
    code, shown = desk.run()

    assert code == 0
    assert len(desk.service.keys) == 1
    assert len(desk.service.texts("ada")) == 4
    assert "the key of last time" in shown
    assert "0 added, 4 already there" in shown
    assert "3 sentences: 0 said, 3 already there." in shown
    assert re.search(r"Median: repeated add \d+ ms of 4, query", shown)


def test_a_key_that_is_no_longer_known_is_replaced(desk: Desk) -> None:
    desk.run()
    desk.service.keys = {"another", "one more"}
    code, shown = desk.run()

    assert code == 0
    assert "a new key" in shown
    assert service_env.read(desk.env_path) == ServiceEnv(BASE_URL, "ms_dev_2")


def test_a_key_of_another_address_is_not_sent_to_this_one(desk: Desk) -> None:
    desk.run()
    desk.run(base_url="http://127.0.0.1:8081")

    assert {request.headers.get("X-API-Key") for request in desk.service.seen if request.url.port == 8081} == {"ms_dev_1"}


def test_a_turn_that_was_forgotten_since_is_remembered_again(desk: Desk) -> None:
    desk.run()
    desk.service.forget("The boat is green.")
    code, shown = desk.run()

    assert code == 0
    assert "1 added, 3 already there" in shown


def test_a_turn_that_is_worded_anew_is_remembered_beside_the_old_one(desk: Desk) -> None:
    desk.run()
    first = replace(STORY.turns[0], text="The boat is red.")
    code, _ = desk.run(replace(STORY, turns=(first, *STORY.turns[1:])))

    assert code == 0
    assert len(desk.service.texts("ada")) == 5


def test_the_table_shows_question_answers_scores_and_marks_the_expected_one(desk: Desk) -> None:
    _, shown = desk.run()

    lines = shown.splitlines()
    (at,) = (at for at, line in enumerate(lines) if "Which boat?" in line)
    assert re.search(r"> +1\.00 +01 Mar Ada: The boat is green\.", lines[at + 1])
    assert re.search(r"Median: add \d+ ms of 4, query \d+ ms of 2", shown)
    assert "All 2 expected memories are in the top 3; all sentences became what they must." in shown


@pytest.mark.parametrize("width", [60, 80, 200])
def test_long_answers_are_cut_and_leave_question_and_score_readable(width: int) -> None:
    answer = {"id": "m1", "score": 0.5, "speaker": "Ada", "occurred_at": "2026-03-01T10:00:00Z", "text": "A long\nstory. " * 40}
    out = io.StringIO()
    Console(file=out, width=width).print(report.table([Asked(STORY.questions[0], [answer], "m1", 0.041)]))

    question, best = (line for line in out.getvalue().splitlines() if "boat" in line or "story" in line)
    assert question.split() == ["Which", "boat?", "41"]
    assert re.match(r" > +0\.50 +01 Mar Ada: A long story\. .*…", best)


def test_questions_without_a_shared_word_carry_a_star(desk: Desk) -> None:
    question = Question("q1", "Who is green?", "t1", shares_words=False)
    _, shown = desk.run(replace(STORY, questions=(question,)))

    assert "Who is green? *" in shown


def test_an_expected_memory_outside_the_first_three_fails_and_says_where_it_is(desk: Desk) -> None:
    desk.service.ranking = lambda _, memory: -float(memory["text"] == "The boat is green.")
    code, shown = desk.run()

    assert code == 1
    assert 'FAILED: "Which boat?" expects turn t1 in the top 3, but its memory is at rank 4.' in shown
    assert "runs on" not in shown


def test_an_expected_memory_that_does_not_come_back_at_all_fails_too(desk: Desk) -> None:
    others = tuple(Turn(f"t{number}", "Bo", "s3", "2026-03-09T10:00:00Z", f"Fact {number}.") for number in range(10, 25))
    desk.service.ranking = lambda _, memory: -float(memory["text"] == "The boat is green.")
    code, shown = desk.run(replace(STORY, turns=(*STORY.turns, *others)))

    assert code == 1
    assert "its memory is not among the first 10" in shown


def test_an_answer_that_is_only_half_of_one_says_so(desk: Desk) -> None:
    desk.service.degraded = ["semantic"]
    _, shown = desk.run()

    assert "Which boat? The answer is degraded: semantic." in shown


def test_the_two_curl_lines_work_when_pasted(desk: Desk) -> None:
    _, shown = desk.run()

    lines = [line for line in shown.splitlines() if line.startswith("curl ")]
    assert len(lines) == 2
    added, found = (_sent_by_curl(line, desk.service) for line in lines)
    assert added.status_code == 201
    assert [memory["id"] for memory in found.json()["memories"]] == [added.json()["id"]]


def test_a_log_gets_plain_text(desk: Desk) -> None:
    _, shown = desk.run()

    assert "\x1b" not in shown
    assert "Adding 'Two calls': 4 of 4" in shown


def test_brackets_in_a_memory_are_shown_as_they_are(desk: Desk) -> None:
    first = replace(STORY.turns[0], text="The boat is [red]green[/red] [/nothing].")
    _, shown = desk.run(replace(STORY, turns=(first, *STORY.turns[1:])))

    assert "The boat is [red]green[/red] [/nothing]." in shown


def test_without_a_stack_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEMORYSYNC_LOCAL_STATE", str(tmp_path / "state"))

    assert demo.main(["--env-file", str(tmp_path / "service.env")]) == 1
    said = capsys.readouterr().err
    assert "not up" in said
    assert "make demo" in said


def test_a_stack_to_which_nothing_is_deployed_says_so_in_its_own_words() -> None:
    class StartedStack(Stack):
        def running(self) -> Running | None:
            return Running(pid=1, port=self.port, api_port=self.api_port)

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"detail": "Nothing is deployed. Run `make up`."}'
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        Thread(target=server.serve_forever).start()
        try:
            with pytest.raises(NotUpError, match=r"not ready\. GET /health answered 503: Nothing is deployed\. Run `make up`\."):
                demo.check_up(StartedStack(api_port=server.server_address[1]))
        finally:
            server.shutdown()


def test_a_command_that_the_operator_function_refuses_is_told_in_its_own_words() -> None:
    class RefusingStack(Stack):
        def invoke(self, logical_id: str, payload: object) -> Any:
            del payload
            raise FunctionFailedError(logical_id, {"errorType": "ConflictError", "errorMessage": "There is another tenant."})

    with pytest.raises(LocalStackError, match=r"create_tenant failed: There is another tenant\."):
        demo.operator_of(RefusingStack())({"action": "create_tenant"})


def _sent_by_curl(line: str, service: SmallService) -> httpx.Response:
    """Send what curl would send for a line read by the shell."""
    program, silent, url, *rest = shlex.split(line)
    assert (program, silent) == ("curl", "-sS")
    options = list(zip(rest[::2], rest[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    (body,) = (value for option, value in options if option == "-d")
    with httpx.Client(transport=service.transport) as client:
        return client.post(url, headers=headers, content=body)


def test_the_key_is_never_part_of_what_is_shown_of_a_client() -> None:
    with Service(BASE_URL, "ms_dev_secret", transport=SmallService().transport) as service:
        assert "ms_dev_secret" not in repr(service)
    assert "ms_dev_secret" not in repr(ServiceEnv(BASE_URL, "ms_dev_secret"))
