"""What the deployed application can rely on; one stack for all tests of the file."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from infrastructure.local.errors import AlreadyRunningError, DeployError, FunctionFailedError
from infrastructure.local.stack import Stack

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("local_stack_deployed")]

Eventually = Callable[[Callable[[], Any]], Any]
MIB = 1024 * 1024


def read(stack: Stack, key: str, sort_key: str) -> Any:
    table = stack.outputs()["TableName"]
    return stack.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": key}, "sk": {"S": sort_key}}).get("Item")


def test_a_note_is_stored_and_read_through_functions_in_subpackages(api: httpx.Client) -> None:
    added = api.post("/notes", json={"id": "n1", "text": "hello"})
    assert (added.status_code, added.json()) == (201, {"id": "n1"})

    assert api.get("/notes/n1").json() == {"id": "n1", "text": "hello"}
    missing = api.get("/notes/none")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/nowhere/at/all"), ("DELETE", "/notes"), ("GET", "/health")])
def test_every_other_path_and_method_reaches_the_default_route(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path)

    assert answer.status_code == 404
    assert (answer.json()["title"], answer.json()["path"], answer.json()["backend"]) == ("No such route", path, "backend")


def test_the_api_has_its_fixed_id_and_answers_at_the_emulators_own_address_too(stack: Stack, api: httpx.Client) -> None:
    assert stack.outputs()["ApiId"] == "feed0001"
    assert api.get(f"{stack.endpoint}/_aws/execute-api/feed0001/notes/none").status_code == 404


def test_preflights_are_answered_by_the_gateway(api: httpx.Client) -> None:
    answer = api.options("/notes", headers={"origin": "https://app.example", "access-control-request-method": "POST"})

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


def test_cookies_bodies_and_bytes_arrive_as_they_were_sent(api: httpx.Client) -> None:
    text = api.post("/probe/echo", content="é" * 10, headers=[("cookie", "a=1"), ("content-type", "text/plain")])
    binary = api.post("/probe/echo", content=bytes(range(256)), headers={"content-type": "application/octet-stream"})

    assert text.json() == {"length": 10, "base64": False, "cookies": "a=1"}
    assert binary.json() == {"length": len(base64.b64encode(bytes(256))), "base64": True, "cookies": None}


@pytest.mark.parametrize(
    ("length", "kind", "status"),
    [
        (11 * MIB, "text/plain", 413),
        (6 * MIB, "text/plain", 413),
        (5 * MIB, "application/octet-stream", 413),
        (5 * MIB, "text/plain", 200),
    ],
)
def test_requests_have_the_gateways_limits(api: httpx.Client, length: int, kind: str, status: int) -> None:
    assert api.post("/probe/echo", content=b"x" * length, headers={"content-type": kind}).status_code == status


def test_long_headers_and_long_answers_are_refused(api: httpx.Client) -> None:
    assert api.get("/probe/echo", headers={"x-long": "x" * 10_300}).status_code == 431
    assert api.get("/probe/long", params={"length": 7 * MIB}).status_code == 500
    assert len(api.get("/probe/long", params={"length": 5 * MIB}).content) == 5 * MIB + 2


def test_what_a_function_raises_stays_inside_and_its_worker_lives_on(api: httpx.Client) -> None:
    before = api.get("/probe/quiet").json()["pid"]

    failed = api.get("/probe/fail")

    assert (failed.status_code, failed.json()) == (500, {"message": "Internal Server Error"})
    assert api.get("/probe/quiet").json()["pid"] == before


def test_functions_may_do_what_their_roles_allow_and_nothing_else(api: httpx.Client) -> None:
    assert api.get("/probe/secrets").json() == {"opened": True, "secret_length": 32}
    assert api.get("/probe/forbidden").json() == "AccessDeniedException"


def test_functions_see_the_local_environment_and_the_parameters(stack: Stack, api: httpx.Client) -> None:
    seen = api.get("/probe/environment").json()

    assert seen["AWS_ENDPOINT_URL"] == stack.endpoint
    assert seen["AWS_REGION"] == "us-east-1"
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert seen["STAGE"] == "local"
    assert seen["SEARCH_ENDPOINT"] == stack.index.as_uri()
    assert not {"AWS_PROFILE", "HTTP_PROXY", "https_proxy", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"} & set(seen)


def test_a_burst_is_served_by_a_few_workers(api: httpx.Client, stack: Stack) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: api.get("/probe/slow", params={"seconds": 0.05}), range(32)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["pid"] for answer in answers}) <= 4
    assert stack.ask("GET", "/_local/status")["workers"] >= 1


def test_rows_reach_the_stream_function_and_other_items_do_not(stack: Stack, api: httpx.Client, eventually: Eventually) -> None:
    api.post("/notes", json={"id": "streamed", "text": "x"})

    assert eventually(lambda: read(stack, "streamed", "SEEN"))["times"] == {"N": "1"}
    # The function's own write, SEEN, went past the filter: were it delivered, it would count itself up for ever.
    api.post("/notes", json={"id": "streamed after", "text": "x"})
    assert eventually(lambda: read(stack, "streamed after", "SEEN"))
    assert read(stack, "streamed", "SEEN")["times"] == {"N": "1"}


def test_a_row_that_always_fails_ends_in_the_dead_letter_queue(stack: Stack, api: httpx.Client, eventually: Eventually) -> None:
    queue = {"QueueUrl": stack.outputs()["DeadLettersUrl"], "WaitTimeSeconds": 1}
    api.post("/notes", json={"id": "poison", "text": "x"})

    [message] = eventually(lambda: stack.client("sqs").receive_message(**queue).get("Messages"))

    assert json.loads(message["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert read(stack, "poison", "SEEN")["times"] == {"N": "3"}
    api.post("/notes", json={"id": "after the poison", "text": "x"})
    assert eventually(lambda: read(stack, "after the poison", "SEEN"))


@pytest.mark.parametrize(("payload", "outcome"), [({}, {"done": True}), ({"fail": True}, None)])
def test_state_machines_in_yaml_catch_errors_by_name(
    stack: Stack, eventually: Eventually, payload: dict[str, bool], outcome: Any
) -> None:
    machines = stack.client("stepfunctions")
    started = machines.start_execution(stateMachineArn=stack.outputs()["FlowArn"], input=json.dumps(payload))

    def finished() -> Any:
        found = machines.describe_execution(executionArn=started["executionArn"])
        return None if found["status"] == "RUNNING" else found

    found = eventually(finished)

    assert found["status"] == "SUCCEEDED"
    output = json.loads(found["output"])
    assert output == {"caught": True} if outcome is None else output["work"]["Payload"] == outcome


def test_functions_can_be_called_by_their_names_in_the_template(stack: Stack) -> None:
    assert stack.invoke("StepFunction", {}) == {"done": True}
    with pytest.raises(FunctionFailedError) as raised:
        stack.invoke("StepFunction", {"fail": True})
    assert raised.value.error_type == "TooEarlyError"


def test_a_schedule_is_deployed(stack: Stack) -> None:
    [schedule] = stack.client("scheduler").list_schedules()["Schedules"]

    assert schedule["State"] == "ENABLED"


def test_what_functions_print_is_in_the_log(stack: Stack, api: httpx.Client, eventually: Eventually) -> None:
    api.get("/probe/log")

    assert eventually(lambda: "a line for the log" in stack.log.read_text())


def test_a_second_start_and_an_unchanged_deploy_do_nothing(stack: Stack) -> None:
    assert not stack.start()
    assert not stack.deploy()


def test_a_stack_on_other_ports_does_not_take_the_state_over(stack: Stack) -> None:
    other = Stack(state=stack.state, name=stack.name, template=stack.template).with_free_ports()

    with pytest.raises(AlreadyRunningError, match=str(stack.port)):
        other.start()


@pytest.fixture
def fallback(stack: Stack) -> Iterator[Path]:
    """The source of a function that answers with its VERSION; as it was again after the test."""
    source = stack.template.parent / "functions" / "api" / "fallback.py"
    original = source.read_text()
    yield source
    source.write_text(original)
    stack.push()


def test_changed_code_answers_after_a_push(stack: Stack, api: httpx.Client, fallback: Path) -> None:
    original = fallback.read_text()
    assert api.get("/version").json()["version"] == "one"
    # The same length and, but for a slow machine, the same second: bytecode of the first must not answer for the second.
    for version in ("two", "six"):
        fallback.write_text(original.replace('"one"', f'"{version}"'))
        assert stack.push() == 7
        assert api.get("/version").json()["version"] == version
    assert stack.push() == 0
    assert not stack.deploy()


def test_a_deploy_after_a_push_brings_even_the_code_that_cloudformation_believes_is_there(
    stack: Stack, api: httpx.Client, fallback: Path
) -> None:
    original = fallback.read_text()
    fallback.write_text(original.replace('"one"', '"pushed"'))
    stack.push()
    assert api.get("/version").json()["version"] == "pushed"
    fallback.write_text(original)

    assert stack.deploy()

    assert api.get("/version").json()["version"] == "one"


def test_a_template_that_cannot_be_deployed_is_told_and_leaves_the_stack_as_it_was(stack: Stack, api: httpx.Client) -> None:
    original = stack.template.read_text()
    stack.template.write_text(original.replace("Type: AWS::SQS::Queue", "Type: AWS::SQS::Nonsense"))

    with pytest.raises(DeployError, match="Nonsense"):
        stack.deploy()

    stack.template.write_text(original)
    assert api.get("/notes/none").status_code == 404
    assert stack.deploy()


def test_a_clean_stop_keeps_everything_and_the_first_record_after_it_is_delivered(
    stack: Stack, api: httpx.Client, eventually: Eventually
) -> None:
    api.post("/notes", json={"id": "before", "text": "kept"})
    eventually(lambda: read(stack, "before", "SEEN"))
    workers = Path("/proc") / str(stack.running().pid)  # type: ignore[union-attr] # it runs

    assert stack.stop()
    assert not workers.exists()
    assert stack.start()

    assert not stack.deploy()
    assert api.get("/notes/before").json() == {"id": "before", "text": "kept"}
    assert api.get("/probe/secrets").json()["opened"]
    api.post("/notes", json={"id": "first after", "text": "x"})
    assert eventually(lambda: read(stack, "first after", "SEEN"))
