"""The built model gives the publisher's vectors: those of `reference-vectors.json`, 20 texts in fp32."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from backend.embedding.minilm import MINILM_FP32, MiniLmEmbedder
from backend.embedding.model import Purpose, Vector, dot, to_unit, unpack
from layers.embedder import build_model, source
from layers.embedder.minilm_graph import quantise_columns

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


def answer(nodes: list[Any], tables: dict[str, npt.NDArray[Any]], levels: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Run a graph from `levels` to `product`."""
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("levels", TensorProto.UINT8, [None, None])],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(table, name) for name, table in tables.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (product,) = session.run(["product"], {"levels": levels})
    return np.asarray(product)


def test_a_product_scaled_at_once_has_the_bits_of_one_scaled_after() -> None:
    chance = np.random.default_rng(7)
    weight, scale = quantise_columns(chance.normal(size=(384, 96)).astype(np.float32))
    levels = chance.integers(0, 256, (50, 384)).astype(np.uint8)
    unit = np.array(1, np.float32)

    at_once = helper.make_node("MatMulIntegerToFloat", ["levels", "weight", "unit", "scale"], ["product"], domain="com.microsoft")
    after = [
        helper.make_node("MatMulInteger", ["levels", "weight"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["product"]),
    ]

    found = answer([at_once], {"weight": weight, "unit": unit, "scale": scale}, levels)
    assert (found == answer(after, {"weight": weight, "scale": scale}, levels)).all()
