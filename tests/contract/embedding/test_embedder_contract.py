"""What every embedder promises, held against each of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.embedding.bedrock import BedrockEmbedder, bedrock_client
from backend.embedding.fake import FakeEmbedder
from backend.embedding.minilm import MiniLmEmbedder
from backend.embedding.model import Purpose, dimension, dot
from backend.embedding.ports import Embedder
from tests.contract.embedding.loopback_bedrock import serving

TEXTS = [
    "The customer prefers email over phone calls.",
    "Our refund policy requires manager approval.",
    "Alice likes dark mode.",
    "Alice likes dark mode and large letters.",
]
IMPLEMENTATIONS = ["fake", "minilm", "minilm, two threads, own weights", "titan v2", "cohere v3", "cohere v4"]
BEDROCK = {
    "titan v2": ("amazon.titan-embed-text-v2:0", 512),
    "cohere v3": ("cohere.embed-multilingual-v3", 1024),
    "cohere v4": ("eu.cohere.embed-v4:0", 256),
}


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    name = request.param
    if name == "fake":
        yield FakeEmbedder()
    elif name == "minilm":
        yield MiniLmEmbedder(request.getfixturevalue("model_directory"))
    elif name.startswith("minilm"):
        yield MiniLmEmbedder(request.getfixturevalue("model_directory"), threads=2, share_weights=False)
    else:
        model_id, size = BEDROCK[name]
        with serving() as bedrock, pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            client = bedrock_client("us-east-1", bedrock.url)
            adapter = BedrockEmbedder(model_id, dimension=size, client=client)
            yield adapter
            adapter.close()


@pytest.fixture(params=list(Purpose))
def purpose(request: pytest.FixtureRequest) -> Purpose:
    return Purpose(request.param)


def test_no_texts_have_no_vectors(embedder: Embedder, purpose: Purpose) -> None:
    assert embedder.embed([], purpose) == []


def test_every_text_has_one_unit_vector_of_the_models_dimension(embedder: Embedder, purpose: Purpose) -> None:
    vectors = embedder.embed(TEXTS, purpose)

    assert [dimension(vector) for vector in vectors] == [embedder.model.dimension] * len(TEXTS)
    assert [dot(vector, vector) for vector in vectors] == pytest.approx([1.0] * len(TEXTS), abs=1e-5)


def test_vectors_come_in_the_order_of_their_texts(embedder: Embedder, purpose: Purpose) -> None:
    # Lengths go up and down, so that an embedder that sorts by length has to sort back; more than one batch of any.
    texts = [f"{'very ' * (7 * position % 13)}different {position}" for position in range(120)]

    together = embedder.embed(texts, purpose)
    alone = [embedder.embed([text], purpose)[0] for text in texts[:12] + texts[-12:]]

    for expected, found in zip(alone, together[:12] + together[-12:], strict=True):
        assert dot(expected, found) >= 0.999


def test_the_neighbours_of_a_text_do_not_move_its_vector(embedder: Embedder, purpose: Purpose) -> None:
    long = "An extraordinarily verbose neighbour, whose numbers 1234567890 and capitals are OF NO CONCERN to others. " * 40
    (alone,) = embedder.embed(TEXTS[:1], purpose)

    beside = embedder.embed([long, TEXTS[0], "", "?!", TEXTS[1]], purpose)[1]

    assert dot(alone, beside) >= 0.999


def test_the_same_text_gives_the_same_vector(embedder: Embedder, purpose: Purpose) -> None:
    assert embedder.embed(TEXTS, purpose) == embedder.embed(TEXTS, purpose)


def test_like_texts_are_nearer_than_unlike_ones(embedder: Embedder, purpose: Purpose) -> None:
    email, refund, dark, dark_and_large = embedder.embed(TEXTS, purpose)

    assert dot(dark, dark_and_large) > max(dot(dark, email), dot(dark, refund)) + 0.2


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "…", "\ud800 half a pair", "nul\x00byte", "👩‍👩‍👧‍👦 你好"])
def test_every_text_has_a_vector_even_one_without_words(embedder: Embedder, purpose: Purpose, text: str) -> None:
    (vector,) = embedder.embed([text], purpose)

    assert dot(vector, vector) == pytest.approx(1.0, abs=1e-5)


def test_of_a_long_text_the_beginning_counts(embedder: Embedder, purpose: Purpose) -> None:
    beginning = "Maria keeps bees behind the old observatory. " * 3_000

    one, other = embedder.embed([beginning + "Then the ship sailed.", beginning + "Nothing else matters!"], purpose)

    assert one == other


def test_several_threads_may_embed_at_once(embedder: Embedder) -> None:
    expected = [embedder.embed([text], Purpose.QUERY) for text in TEXTS]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda position: embedder.embed([TEXTS[position % 4]], Purpose.QUERY), range(16)))

    assert found == expected * 4


def test_the_model_has_a_name_to_store_beside_each_vector(embedder: Embedder) -> None:
    assert embedder.model.identity == f"{embedder.model.name}/{embedder.model.dimension}"
