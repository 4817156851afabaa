"""The built model gives the publisher's vectors: those of `reference-vectors.json`, 20 texts in fp32."""

import json
import math
from pathlib import Path
from typing import NamedTuple

import pytest

from backend.embedding.minilm import MINILM_FP32, MiniLmEmbedder
from backend.embedding.model import Purpose, Vector, dot, to_unit, unpack
from layers.embedder import build_model, source

FILE = Path(__file__).with_name("reference-vectors.json")


class Reference(NamedTuple):
    texts: list[str]
    vectors: list[Vector]


@pytest.fixture(scope="module")
def reference() -> Reference:
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    assert stored["weights_sha256"] == source.DIGESTS[source.WEIGHTS]
    entries = stored["vectors"]
    return Reference([entry["text"] for entry in entries], [to_unit(entry["vector"]) for entry in entries])


def test_fp32_agrees_within_a_ten_thousandth_a_component(reference: Reference, model_source: Path, tmp_path: Path) -> None:
    assert build_model.build(model_source, tmp_path / "fp32", "fp32")
    embedder = MiniLmEmbedder(tmp_path / "fp32", model=MINILM_FP32)

    found = embedder.embed(reference.texts, Purpose.DOCUMENT)

    for ours, theirs in zip(found, reference.vectors, strict=True):
        assert max(abs(a - b) for a, b in zip(unpack(ours), unpack(theirs), strict=True)) <= 1e-4


def test_int8_keeps_every_text_near(reference: Reference, model_directory: Path) -> None:
    found = MiniLmEmbedder(model_directory).embed(reference.texts, Purpose.DOCUMENT)

    cosines = [dot(ours, theirs) for ours, theirs in zip(found, reference.vectors, strict=True)]

    assert min(cosines) >= 0.975
    assert math.fsum(cosines) / len(cosines) >= 0.99


def test_the_shared_weights_give_the_vectors_of_the_packed_ones(reference: Reference, model_directory: Path) -> None:
    shared = MiniLmEmbedder(model_directory, share_weights=True).embed(reference.texts, Purpose.DOCUMENT)
    packed = MiniLmEmbedder(model_directory, share_weights=False).embed(reference.texts, Purpose.DOCUMENT)

    assert min(dot(one, other) for one, other in zip(shared, packed, strict=True)) >= 0.999


def test_two_builds_of_one_source_are_the_same_bytes(model_source: Path, model_directory: Path, tmp_path: Path) -> None:
    assert build_model.build(model_source, tmp_path / "again")

    names = sorted(path.name for path in model_directory.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert source.sha256_of(tmp_path / "again" / name) == source.sha256_of(model_directory / name)
