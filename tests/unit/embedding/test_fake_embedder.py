"""The fake fails when told to, and is near where words are shared."""

import pytest

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose, dot
from backend.kit.errors import DependencyUnavailableError, EmbeddingUnavailableError


def test_more_shared_words_are_nearer() -> None:
    question, near, far = FakeEmbedder().embed(
        ["when does Maria see the dentist", "Maria will see the dentist on Tuesday", "bees make honey"], Purpose.DOCUMENT
    )

    assert dot(question, near) > 0.5 > dot(question, far)


def test_it_fails_as_often_as_it_was_told_and_then_works() -> None:
    embedder = FakeEmbedder()
    embedder.fail_next(2)

    for _ in range(2):
        with pytest.raises(EmbeddingUnavailableError):
            embedder.embed(["a"], Purpose.QUERY)

    assert embedder.embed(["a"], Purpose.QUERY)
    assert embedder.calls == [("a",)]


def test_it_stays_down_until_it_is_up() -> None:
    embedder = FakeEmbedder()
    embedder.down = True
    for _ in range(3):
        with pytest.raises(DependencyUnavailableError):
            embedder.embed(["a"], Purpose.QUERY)

    embedder.down = False

    assert embedder.embed(["a"], Purpose.QUERY)


def test_while_it_is_down_its_name_is_known() -> None:
    embedder = FakeEmbedder(dimension=32)
    embedder.down = True

    assert embedder.model.identity == "fake-bag-of-words/32"
