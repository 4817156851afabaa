import os
from pathlib import Path

import pytest

from infrastructure.local.clients import client
from infrastructure.local.stack import Stack, from_environment

LEAKS = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_REGION": "eu-west-1",
    "AWS_CA_BUNDLE": "/somewhere/else.pem",
    "HTTP_PROXY": "http://proxy.example:3128",
    "https_proxy": "http://proxy.example:3128",
    "PYTHONPATH": "/somewhere",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MEMORIES_TABLE": "production",
    "LAMBDA_EXECUTOR": "docker",
    "LAYER_DEPS": "bundled",
    "SAM_CLI_TELEMETRY": "1",
}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(state=tmp_path / "state", port=4599, api_port=8099)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LEAKS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("host")
def test_nothing_of_the_hosts_settings_reaches_a_child(stack: Stack) -> None:
    environment = stack.environment()

    assert not {name for name, value in LEAKS.items() if environment.get(name) == value}
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4599"
    assert environment["AWS_REGION"] == "us-east-1"
    assert (environment["AWS_ACCESS_KEY_ID"], environment["AWS_CONFIG_FILE"]) == ("test", os.devnull)
    assert "AWS_PROFILE" not in environment
    assert environment["AUTH"] == "true"
    assert environment["SAM_CLI_TELEMETRY"] == "0"
    assert environment["LAYER_DEPS"] == "host"
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert Path(environment["TMPDIR"]).is_relative_to(stack.directory)


@pytest.mark.usefixtures("host")
def test_our_own_clients_read_nothing_of_the_hosts_settings() -> None:
    made = client("http://127.0.0.1:4599", "dynamodb")

    assert made.meta.region_name == "us-east-1"
    assert made.meta.endpoint_url == "http://127.0.0.1:4599"
    assert made._request_signer._credentials.access_key == "test"
    assert made.meta.config.proxies == {}


def test_variables_change_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYSYNC_LOCAL_PORT", "4999")
    monkeypatch.setenv("MEMORYSYNC_LOCAL_STATE", "elsewhere")

    stack = from_environment()

    assert (stack.port, stack.api_port, stack.state, stack.name) == (4999, 8080, Path("elsewhere"), "memorysync")


def test_two_stacks_get_different_ports_and_keep_their_state_apart(tmp_path: Path) -> None:
    one, two = Stack(state=tmp_path / "1").with_free_ports(), Stack(state=tmp_path / "2").with_free_ports()

    assert len({one.port, one.api_port}) == 2
    assert one.environment()["STATE_DIR"] != two.environment()["STATE_DIR"]
    assert one.index != two.index


def test_the_index_is_a_file_of_the_state_unless_an_engine_on_this_machine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(state=tmp_path)
    monkeypatch.delenv("OPENSEARCH_URL", raising=False)
    assert stack.deploy_parameters()["SearchEndpoint"] == (tmp_path / "index.db").as_uri()
    monkeypatch.setenv("OPENSEARCH_URL", "http://127.0.0.1:9200")
    assert stack.deploy_parameters()["SearchEndpoint"] == "http://127.0.0.1:9200"


def test_parameters_of_a_stack_win_over_the_local_ones(tmp_path: Path) -> None:
    parameters = Stack(state=tmp_path, parameters={"SearchEndpoint": "http://127.0.0.1:9200"}).deploy_parameters()

    assert parameters["SearchEndpoint"] == "http://127.0.0.1:9200"
    assert parameters["Stage"] == "local"
