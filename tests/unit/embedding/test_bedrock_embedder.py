"""What Amazon Bedrock is sent, and what becomes of each way in which it can fail."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from backend.embedding.bedrock import ATTEMPTS, BedrockEmbedder, bedrock_client
from backend.embedding.bedrock_formats import base_model
from backend.embedding.model import Purpose
from backend.kit.clock import FakeClock
from backend.kit.deadline import deadline
from backend.kit.errors import EmbeddingUnavailableError
from tests.contract.embedding.loopback_bedrock import LoopbackBedrock, serving

TITAN = "amazon.titan-embed-text-v2:0"
SECRET = "the user's own words"


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackBedrock]:
    with serving() as bedrock:
        yield bedrock


@pytest.fixture
def bedrock(server: LoopbackBedrock) -> LoopbackBedrock:
    server.requests.clear()
    server.answers.clear()
    return server


@pytest.fixture(scope="module")
def client(server: LoopbackBedrock) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield bedrock_client("us-east-1", server.url)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def titan(client: Any, clock: FakeClock) -> Iterator[BedrockEmbedder]:
    embedder = BedrockEmbedder(TITAN, dimension=256, client=client, clock=clock, jitter=lambda: 0.5)
    yield embedder
    embedder.close()


def failure_of(embedder: BedrockEmbedder) -> EmbeddingUnavailableError:
    with pytest.raises(EmbeddingUnavailableError) as failure:
        embedder.embed([SECRET], Purpose.DOCUMENT)
    assert SECRET not in str(failure.value)
    assert failure.value.__cause__ is None or SECRET not in str(failure.value.__cause__)
    return failure.value


def test_titan_is_asked_for_unit_vectors_one_text_a_call(bedrock: LoopbackBedrock, titan: BedrockEmbedder) -> None:
    titan.embed(["one", "two"], Purpose.QUERY)

    common = {"dimensions": 256, "normalize": True, "embeddingTypes": ["float"]}
    assert sorted(bedrock.requests, key=str) == [
        (TITAN, {"inputText": "one", **common}),
        (TITAN, {"inputText": "two", **common}),
    ]


@pytest.mark.parametrize(
    ("model_id", "dimension", "expected"),
    [
        ("cohere.embed-english-v3", 1024, {"truncate": "END"}),
        ("us.cohere.embed-v4:0", 1536, {"truncate": "RIGHT", "output_dimension": 1536}),
    ],
)
def test_cohere_is_told_documents_from_queries(
    bedrock: LoopbackBedrock, client: Any, model_id: str, dimension: int, expected: dict[str, Any]
) -> None:
    embedder = BedrockEmbedder(model_id, dimension=dimension, client=client)

    embedder.embed(["one", "two"], Purpose.DOCUMENT)
    embedder.embed(["three"], Purpose.QUERY)
    embedder.close()

    expected["embedding_types"] = ["float"]
    assert bedrock.requests == [
        (model_id, {"texts": ["one", "two"], "input_type": "search_document", **expected}),
        (model_id, {"texts": ["three"], "input_type": "search_query", **expected}),
    ]


def test_cohere_takes_96_texts_a_call(bedrock: LoopbackBedrock, client: Any) -> None:
    embedder = BedrockEmbedder("cohere.embed-english-v3", client=client)

    embedder.embed([str(number) for number in range(200)], Purpose.DOCUMENT)
    embedder.close()

    assert sorted(len(body["texts"]) for _, body in bedrock.requests) == [8, 96, 96]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again_after_growing_pauses(
    bedrock: LoopbackBedrock, titan: BedrockEmbedder, clock: FakeClock, status: int
) -> None:
    bedrock.answers.extend([(status, None)] * 2)

    assert len(titan.embed([SECRET], Purpose.DOCUMENT)) == 1
    assert len(bedrock.requests) == 3
    assert clock.slept == pytest.approx([0.3, 0.6])


def test_a_failure_that_does_not_pass_ends_after_three_tries(bedrock: LoopbackBedrock, titan: BedrockEmbedder) -> None:
    bedrock.answers.extend([(429, None)] * 10)

    assert "ThrottlingException (429)" in failure_of(titan).detail
    assert len(bedrock.requests) == ATTEMPTS


@pytest.mark.parametrize(("status", "code"), [(400, "ValidationException"), (403, "AccessDeniedException")])
def test_a_refusal_is_not_tried_again_and_its_words_are_not_repeated(
    bedrock: LoopbackBedrock, titan: BedrockEmbedder, status: int, code: str
) -> None:
    bedrock.answers.append((status, json.dumps({"message": f"cannot read: {SECRET}"}).encode()))

    assert code in failure_of(titan).detail
    assert len(bedrock.requests) == 1


def test_no_pause_outlasts_the_deadline(bedrock: LoopbackBedrock, titan: BedrockEmbedder, clock: FakeClock) -> None:
    bedrock.answers.extend([(503, None)] * 3)

    with deadline(0.25):
        failure_of(titan)

    assert clock.slept == []


@pytest.mark.parametrize(
    "answer",
    [
        b"not json",
        b"[]",
        b"{}",
        b'{"embeddingsByType": {"float": null}}',
        b'{"embeddingsByType": {"float": [1.0, 2.0]}}',
        json.dumps({"embeddingsByType": {"float": [0.0] * 256}}).encode(),
        json.dumps({"embeddingsByType": {"float": ["x"] * 256}}).encode(),
        json.dumps({"embeddingsByType": {"float": [float("nan")] * 256}}).encode(),
    ],
    ids=["text", "list", "empty", "null", "wrong dimension", "zero", "words", "nan"],
)
def test_an_answer_that_is_not_the_vector_asked_for_is_a_failure(
    bedrock: LoopbackBedrock, titan: BedrockEmbedder, answer: bytes
) -> None:
    bedrock.answers.append((200, answer))

    assert "answer" in failure_of(titan).detail
    assert len(bedrock.requests) == 1


def test_an_answer_for_some_of_the_texts_is_a_failure(bedrock: LoopbackBedrock, client: Any) -> None:
    embedder = BedrockEmbedder("cohere.embed-english-v3", client=client)
    bedrock.answers.append((200, json.dumps({"embeddings": {"float": [[1.0] * 1024]}}).encode()))

    with pytest.raises(EmbeddingUnavailableError, match="did not answer with 2 vectors"):
        embedder.embed(["one", "two"], Purpose.DOCUMENT)
    embedder.close()


def test_one_failed_call_among_many_fails_all(bedrock: LoopbackBedrock, titan: BedrockEmbedder) -> None:
    bedrock.answers.append((400, None))

    with pytest.raises(EmbeddingUnavailableError):
        titan.embed([str(number) for number in range(12)], Purpose.DOCUMENT)


def test_a_service_that_hangs_is_given_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with serving() as hanging:
        hanging.stuck = True
        embedder = BedrockEmbedder(TITAN, dimension=256, client=bedrock_client("us-east-1", hanging.url))

        with deadline(0.2), pytest.raises(EmbeddingUnavailableError, match="in time"):
            embedder.embed([SECRET] * 9, Purpose.DOCUMENT)
        hanging.released.set()
        embedder.close()

    assert len(hanging.requests) <= 4


def test_a_service_that_is_not_there_is_a_failure_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # taken, and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        embedder = BedrockEmbedder(TITAN, dimension=256, client=bedrock_client("us-east-1", url))

        assert "EndpointConnectionError" in failure_of(embedder).detail
        embedder.close()


@pytest.mark.parametrize("model_id", ["amazon.titan-embed-text-v1", "cohere.command-r", "titan", ""])
def test_a_model_that_is_not_known_is_refused_when_it_is_configured(model_id: str) -> None:
    with pytest.raises(ValueError, match="Known: amazon"):
        BedrockEmbedder(model_id)


def test_a_dimension_that_the_model_lacks_is_refused_when_it_is_configured() -> None:
    with pytest.raises(ValueError, match=r"\[256, 512, 1024\]"):
        BedrockEmbedder(TITAN, dimension=384)


def test_one_model_has_one_name_in_all_regions() -> None:
    assert {base_model(name) for name in ("cohere.embed-v4:0", "us.cohere.embed-v4:0", "global.cohere.embed-v4:0")} == {
        "cohere.embed-v4"
    }


def test_a_model_has_its_name_without_a_client() -> None:
    assert BedrockEmbedder(TITAN, dimension=512).model.identity == "amazon.titan-embed-text-v2/512"
