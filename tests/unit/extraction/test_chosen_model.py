"""Which language model an installation asks, and with which key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
import pytest
from moto import mock_aws

from backend.bootstrap import Container
from backend.extraction.bedrock_converse import BedrockLanguageModel
from backend.extraction.keyed_model import KeyedLanguageModel
from backend.extraction.model import Method, Utterance
from backend.extraction.openai_compatible import OpenAiCompatibleModel
from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy
from backend.extraction.ports import LanguageModelUnavailableError, ModelAnswer
from backend.kit.clock import FakeClock
from backend.kit.config import Settings
from backend.kit.errors import DependencyUnavailableError, InternalError
from tests.support.loopback import listening

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:models-AbCdEf"
ON_LOOPBACK = "http://127.0.0.1:11434/v1#llama3.1:8b"


def container(model: str, *, secret: str = "", stage: str = "prod") -> Container:
    settings = Settings(**{each.name: "none" for each in fields(Settings)})
    return Container(replace(settings, language_model=model, language_model_secret=secret, stage=stage))


class Recorder:
    """Keys that are given in turn, an error where one is, and the models that are made of them."""

    def __init__(self, *keys: str | Exception) -> None:
        self.keys = list(keys)
        self.made: list[str] = []

    def key(self) -> str:
        key = self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]
        if isinstance(key, Exception):
            raise key
        return key

    def make(self, key: str) -> EchoModel:
        self.made.append(key)
        return EchoModel(key)


class EchoModel:
    """Answers with its key."""

    def __init__(self, key: str) -> None:
        self.name = "echo"
        self._key = key

    def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
        return ModelAnswer({"key": self._key, "asked": [instructions, text, *schema]}, 3, 2)


def test_an_installation_without_a_model_has_none() -> None:
    assert container("").language_model is None


def test_a_model_on_bedrock_is_named_by_its_id() -> None:
    model = container("bedrock:amazon.nova-lite-v1:0").language_model

    assert isinstance(model, BedrockLanguageModel)
    assert model.name == "amazon.nova-lite-v1:0"


@pytest.mark.parametrize("name", ["small", "meta-llama/Llama-3", "llama3.1:8b", "a#b"])
def test_an_endpoint_is_asked_for_the_model_behind_its_first_hash(name: str) -> None:
    model = container(f"https://models.example/v1#{name}").language_model

    assert isinstance(model, OpenAiCompatibleModel)
    assert model.name == name


def test_a_container_has_one_model() -> None:
    found = container("https://models.example/v1#small")

    assert found.language_model is found.language_model


def test_plain_http_is_for_one_machine_alone() -> None:
    assert isinstance(container(ON_LOOPBACK, stage="local").language_model, OpenAiCompatibleModel)
    with pytest.raises(InternalError, match="LANGUAGE_MODEL"):
        _ = container(ON_LOOPBACK).language_model


@pytest.mark.parametrize("stage", ["prod", "local"])
@pytest.mark.parametrize(
    "named",
    [
        "https://models.example/v1",
        "https://models.example/v1#",
        "https://#small",
        "https://[models/v1#small",
        "http://models.example/v1#small",
        "ftp://models.example#small",
        "small",
        "#small",
    ],
)
def test_what_nobody_can_ask_is_told_to_whoever_deployed_it(named: str, stage: str) -> None:
    with pytest.raises(InternalError, match="LANGUAGE_MODEL names nothing that can be asked"):
        _ = container(named, stage=stage).language_model


def test_a_secret_is_not_read_before_the_model_is_asked() -> None:
    model = container("https://models.example/v1#small", secret=SECRET).language_model

    assert isinstance(model, KeyedLanguageModel)
    assert model.name == "small"


def test_the_key_is_read_when_the_model_is_first_asked_and_kept_for_five_minutes() -> None:
    clock, recorder = FakeClock(), Recorder("first\n", "second")
    model = KeyedLanguageModel("small", recorder.key, recorder.make, clock)
    assert recorder.made == []

    for _ in range(3):
        answer = model.answer("Do.", "text", {"type": "object"})
        assert answer == ModelAnswer({"key": "first", "asked": ["Do.", "text", "type"]}, 3, 2)
    assert recorder.made == ["first"]

    clock.advance(seconds=300)
    assert model.answer("Do.", "text", {}).content["key"] == "second"


@pytest.mark.parametrize("key", [DependencyUnavailableError(), InternalError(), "", " \n", "two\nlines", "schlüssel"])
def test_without_a_key_the_model_is_one_that_does_not_answer(key: str | Exception) -> None:
    recorder = Recorder(key, "key")
    model = KeyedLanguageModel("small", recorder.key, recorder.make, FakeClock())

    with pytest.raises(LanguageModelUnavailableError) as refused:
        model.answer("Do.", "text", {})
    assert refused.value.reason == "no-key"
    assert recorder.made == []

    assert model.answer("Do.", "text", {}).content["key"] == "key", "a failure is not kept"


def test_the_endpoint_gets_the_key_that_the_secret_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []
    said = json.dumps({"choices": [{"message": {"content": '{"statements": []}'}}]}).encode()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(), listening(Endpoint) as url:
        arn = boto3.client("secretsmanager", region_name="us-east-1").create_secret(Name="models", SecretString="k-1\n")["ARN"]
        model = container(f"{url}/v1#small", secret=arn, stage="local").language_model
        assert model
        assert model.answer("Do.", "text", {}).content == {"statements": []}

    assert asked == [("/v1/chat/completions", "Bearer k-1")]


def test_an_add_without_a_key_falls_back_to_the_rules_and_says_so() -> None:
    recorder = Recorder(DependencyUnavailableError())
    pipeline = Pipeline(lambda: KeyedLanguageModel("small", recorder.key, recorder.make, FakeClock()))

    reading = pipeline.read(Utterance("I live in Lisbon.", FakeClock().now()), ExtractionPolicy(Method.MODEL))

    assert (reading.method, reading.fallback) == (Method.RULES, "no-key")
    assert [each.text for each in reading.candidates] == ["I live in Lisbon."]
