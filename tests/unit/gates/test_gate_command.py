"""The command, and the way in which outside programs are run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infrastructure.gates import bandit, permissions, programs
from infrastructure.gates.__main__ import GATES, main, run
from infrastructure.gates.findings import Finding
from infrastructure.gates.programs import ToolError


def broken() -> list[Finding]:
    message = "the tool is not there"
    raise ToolError(message)


def test_clean_gates_end_well_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"one": list, "other": list}) == 0
    assert sorted(line.partition(" (")[0] for line in capsys.readouterr().out.splitlines()) == ["one ok", "other ok"]


def test_one_finding_fails_the_run_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"one": list, "other": lambda: [Finding("C1", "Here", "is wrong")]}) == 1
    assert capsys.readouterr().err == "other: C1 Here: is wrong\n"


def test_a_tool_that_does_not_work_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"one": broken}) == 1
    assert "the tool is not there" in capsys.readouterr().err


def test_an_unknown_gate_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    told = capsys.readouterr().err
    assert [name for name in GATES if name not in told] == []


def test_a_program_that_is_missing_or_ends_badly_is_no_clean_result() -> None:
    with pytest.raises(ToolError, match="not installed"):
        programs.run("no-such-program", [])
    with pytest.raises(ToolError, match="ended with 3"):
        programs.run("python", ["-c", "raise SystemExit(3)"])


def test_a_program_gets_no_home_no_proxy_and_nothing_of_the_users_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    answer = programs.run("python", ["-c", "import json, os; print(json.dumps(dict(os.environ)))"])
    seen = json.loads(answer.out)

    assert "AWS_PROFILE" not in seen
    assert not Path(seen["HOME"]).exists(), "it was a folder for this one run"
    assert seen["HTTPS_PROXY"] == programs.NOBODY


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A proxy on the loopback: its address, and what it was asked for."""
    lines: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        raw_requestline: bytes

        def parse_request(self) -> bool:
            """Note every request, whatever its method, and refuse it."""
            lines.append(self.raw_requestline.decode().strip())
            self.requestline, self.request_version, self.command = lines[-1], "HTTP/1.1", "GET"
            self.send_error(403)
            return False

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name for it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", lines
        server.shutdown()
        thread.join()


def test_no_quick_gate_tries_the_network(asked: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address, lines = asked
    monkeypatch.setattr(programs, "NOBODY", address)
    (tmp_path / "clean.py").write_text("ONE = 1\n")
    statement = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/key"]}
    policy = {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}

    # What they are given is nothing to them: the whole tree is looked at in `make check`.
    assert bandit.findings(tmp_path, ["clean.py"]) == set()
    assert permissions.parliament({"Resources": {"Reads": {"Properties": policy}}}) == set()

    assert lines == []


def test_a_program_that_tries_the_network_would_be_seen(asked: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    address, lines = asked
    monkeypatch.setattr(programs, "NOBODY", address)
    call = "import urllib.request\ntry: urllib.request.urlopen('http://example.invalid/x', timeout=5)\nexcept OSError: pass"

    programs.run("python", ["-c", call])

    assert lines == ["GET http://example.invalid/x HTTP/1.1"]
