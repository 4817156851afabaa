"""The packaged model says what is wrong with it, and how to put that right."""

import json
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from backend.embedding.minilm import LARGEST_BATCH, LARGEST_BATCH_TOKENS, MiniLmEmbedder, _batches
from backend.embedding.model import Purpose
from backend.kit.errors import EmbeddingUnavailableError

CURE = "build_model.py"


def write_model(directory: Path, **changes: Any) -> None:
    """Write a model that is right by its manifest, though its files are nonsense."""
    (directory / "model.onnx").write_bytes(b"not a graph")
    (directory / "tokenizer.json").write_bytes(b"{}")
    write_manifest(directory, **changes)


def write_manifest(directory: Path, **changes: Any) -> None:
    files = {name: {"bytes": (directory / name).stat().st_size} for name in ("model.onnx", "tokenizer.json")}
    manifest = {
        "name": "minilm-l6-v2-int8",
        "dimension": 384,
        "max_tokens": 256,
        "graph": "model.onnx",
        "tokenizer": "tokenizer.json",
        "files": files,
    }
    (directory / "manifest.json").write_text(json.dumps(manifest | changes))


def write_tiny_model(directory: Path, node: onnx.NodeProto, *tables: onnx.TensorProto) -> None:
    """Write a model that loads: a tokenizer to which every text is word 5, and a graph of one node."""
    tokenizer = Tokenizer(WordLevel({"[UNK]": 5}, unk_token="[UNK]"))
    tokenizer.save(str(directory / "tokenizer.json"))
    inputs = [make_tensor_value_info(name, TensorProto.INT64, [None, None]) for name in ("input_ids", "attention_mask")]
    outputs = [make_tensor_value_info("embedding", TensorProto.FLOAT, None)]
    graph = make_graph([node], "tiny", inputs, outputs, list(tables))
    model = make_model(graph, opset_imports=[make_opsetid("", 20)], ir_version=9)
    onnx.save(model, directory / "model.onnx")
    write_manifest(directory)


def failure_of(directory: Path) -> str:
    with pytest.raises(EmbeddingUnavailableError) as failure:
        MiniLmEmbedder(directory).embed(["own words"], Purpose.DOCUMENT)
    return failure.value.detail


def test_a_missing_model_is_named_with_its_cure(tmp_path: Path) -> None:
    detail = failure_of(tmp_path / "nowhere")

    assert "nowhere" in detail
    assert CURE in detail


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"name": "minilm-l6-v2-int8"}'])
def test_a_manifest_that_cannot_be_read_counts_as_missing(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)

    assert CURE in failure_of(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [{"name": "minilm-l6-v2-fp32"}, {"dimension": 512}, {"files": {"model.onnx": {"bytes": 1}}}],
    ids=["another precision", "another dimension", "a file cut short"],
)
def test_another_model_than_asked_for_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_model(tmp_path, **changes)

    detail = failure_of(tmp_path)

    assert "does not hold the whole of minilm-l6-v2-int8/384" in detail
    assert CURE in detail


def test_files_that_cannot_be_loaded_are_reported_and_no_text_with_them(tmp_path: Path) -> None:
    write_model(tmp_path)

    detail = failure_of(tmp_path)

    assert "cannot be loaded" in detail
    assert "own words" not in detail


def test_an_answer_of_another_shape_is_a_failure(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, make_node("Cast", ["input_ids"], ["embedding"], to=TensorProto.FLOAT))

    assert "one vector for each text" in failure_of(tmp_path)


def test_an_answer_that_is_not_finite_is_a_failure(tmp_path: Path) -> None:
    table = numpy_helper.from_array(np.full((1, 384), np.nan, np.float32), "table")
    write_tiny_model(tmp_path, make_node("Identity", ["table"], ["embedding"]), table)

    assert "one vector for each text" in failure_of(tmp_path)


def test_a_graph_that_fails_on_a_text_is_a_failure(tmp_path: Path) -> None:
    table = numpy_helper.from_array(np.ones((1, 384), np.float32), "table")
    write_tiny_model(tmp_path, make_node("Gather", ["table", "input_ids"], ["embedding"]), table)

    assert "failed on a batch" in failure_of(tmp_path)


def test_the_models_name_is_known_while_the_model_is_missing(tmp_path: Path) -> None:
    assert MiniLmEmbedder(tmp_path).model.identity == "minilm-l6-v2-int8/384"


def test_no_texts_need_no_model(tmp_path: Path) -> None:
    assert MiniLmEmbedder(tmp_path).embed([], Purpose.QUERY) == []


def test_a_model_that_was_missing_is_found_once_it_is_there(tmp_path: Path) -> None:
    embedder = MiniLmEmbedder(tmp_path)
    with pytest.raises(EmbeddingUnavailableError, match="There is no embedding model"):
        embedder.warm()
    write_model(tmp_path)

    with pytest.raises(EmbeddingUnavailableError, match="cannot be loaded"):
        embedder.warm()


def test_the_runtime_is_not_imported_before_the_first_text() -> None:
    program = (
        "import sys; from pathlib import Path; from backend.embedding.minilm import MiniLmEmbedder;"
        "MiniLmEmbedder(Path('x')).model; sys.exit('onnxruntime' in sys.modules or 'tokenizers' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@given(st.lists(st.integers(2, 256), min_size=1, max_size=80))
def test_batches_hold_every_text_once_within_their_bounds(lengths: list[int]) -> None:
    batches = list(_batches(lengths))

    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= LARGEST_BATCH
        assert len(batch) * max(lengths[position] for position in batch) <= LARGEST_BATCH_TOKENS


@given(st.lists(st.integers(2, 256), min_size=1, max_size=80))
def test_two_threads_get_as_many_texts(lengths: list[int]) -> None:
    sizes = [len(batch) for batch in _batches(lengths)]

    if len(sizes) > 1:
        assert all(one - other in {0, 1} for one, other in zip_longest(sizes[::2], sizes[1::2], fillvalue=0))


@pytest.mark.parametrize(("texts", "expected"), [(16, [16]), (17, [9, 8]), (48, [16, 16, 8, 8]), (112, [16] * 6 + [8] * 2)])
def test_batches_come_in_pairs_unless_one_holds_all(texts: int, expected: list[int]) -> None:
    assert [len(batch) for batch in _batches([18] * texts)] == expected


def test_the_longest_texts_go_first() -> None:
    lengths = [20, 256, 30, 250, 25] * 8

    firsts = [lengths[batch[0]] for batch in _batches(lengths)]

    assert firsts == sorted(firsts, reverse=True)
