"""The packaged MiniLM: tokenizer and ONNX graph, as layers/embedder/build_model.py makes them, inside this process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.embedding.model import EmbeddingModel, Purpose, Vector, encodable
from backend.kit.errors import EmbeddingUnavailableError

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Encoding, Tokenizer

MINILM = EmbeddingModel("minilm-l6-v2-int8", 384)
MINILM_FP32 = EmbeddingModel("minilm-l6-v2-fp32", 384)
CURE = "Build it: python layers/embedder/build_model.py"
LARGEST_BATCH = 16
LARGEST_BATCH_TOKENS = 384
BATCHES_AT_ONCE = 2
"""What two processors do side by side; a third and fourth would be taken from others."""
CHARACTERS_READ = 8_000
"""More than 256 tokens of any text but one of endless words; a tokenizer given all of a long text would read it all."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    tokenizer: Tokenizer
    session: onnxruntime.InferenceSession
    max_tokens: int


class MiniLmEmbedder:
    """Embeds in this process, without a network; `purpose` makes no difference to this model.

    `directory` is what the build wrote. Nothing is loaded before the first text. `threads` is how many work on one batch; of
    several batches two are done at once.
    With `share_weights` processes share the weights, mapped from disk, through the page cache; without, each packs a copy
    for its processor: 10 MB more in each, and about a quarter faster. So: on where many processes share one memory, off
    where each has a machine of its own, as on AWS Lambda.
    """

    def __init__(self, directory: Path, *, threads: int = 1, share_weights: bool = True, model: EmbeddingModel = MINILM) -> None:
        self._directory = directory
        self._threads = threads
        self._share_weights = share_weights
        self._model = model
        self._lock = Lock()
        self._loaded: _Loaded | None = None
        # It starts its threads when they are needed first.
        self._side_by_side = ThreadPoolExecutor(BATCHES_AT_ONCE, "embedding")

    @property
    def model(self) -> EmbeddingModel:
        """MiniLM and how it was quantised."""
        return self._model

    def warm(self) -> None:
        """Load now what the first text would load. Raises `EmbeddingUnavailableError`."""
        self._ready()

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        """Return the unit vectors of the texts. Raises `EmbeddingUnavailableError` when the model cannot be loaded."""
        del purpose
        if not texts:
            return []
        ready = self._ready()
        encodings = ready.tokenizer.encode_batch_fast([encodable(text[:CHARACTERS_READ]) for text in texts])
        vectors: list[Vector] = [Vector(b"")] * len(texts)
        batches = list(_batches([len(encoding.ids) for encoding in encodings]))
        asked = [[encodings[position] for position in batch] for batch in batches]
        # One batch needs no other thread: that is every question, and most of what is added.
        run = partial(self._run, ready)
        done = map(run, asked) if len(batches) == 1 else self._side_by_side.map(run, asked)
        for batch, rows in zip(batches, done, strict=True):
            for position, row in zip(batch, rows, strict=True):
                vectors[position] = Vector(row.tobytes())
        return vectors

    def _run(self, ready: _Loaded, encodings: Sequence[Encoding]) -> np.ndarray[Any, np.dtype[np.float32]]:
        shape = (len(encodings), max(len(encoding.ids) for encoding in encodings))
        ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        try:
            (rows,) = ready.session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        except _runtime_errors() as error:
            message = "The embedding model failed on a batch."
            raise EmbeddingUnavailableError(message) from error
        if rows.shape != (shape[0], self._model.dimension) or not np.isfinite(rows).all():
            message = "The embedding model did not answer with one vector for each text."
            raise EmbeddingUnavailableError(message)
        return np.asarray(rows, dtype="<f4")

    def _ready(self) -> _Loaded:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = self._load()
        return self._loaded

    def _load(self) -> _Loaded:
        try:
            import onnxruntime  # noqa: PLC0415 - paid for by the functions that embed, and by no other
            from tokenizers import Tokenizer  # noqa: PLC0415 - as above
        except ImportError as error:
            message = "The embedding runtime is not installed: onnxruntime and tokenizers, as in layers/embedder."
            raise EmbeddingUnavailableError(message) from error
        manifest = self._manifest()
        try:
            tokenizer = Tokenizer.from_file(str(self._directory / manifest["tokenizer"]))
            tokenizer.no_padding()
            tokenizer.enable_truncation(manifest["max_tokens"])
            session = onnxruntime.InferenceSession(
                str(self._directory / manifest["graph"]), self._options(), providers=["CPUExecutionProvider"]
            )
        # The tokenizer's library raises bare `Exception` for a file that it cannot read.
        except Exception as error:
            message = f"The embedding model in {self._directory} cannot be loaded. {CURE}"
            raise EmbeddingUnavailableError(message) from error
        return _Loaded(tokenizer, session, manifest["max_tokens"])

    def _manifest(self) -> dict[str, Any]:
        """Read the manifest and hold it against the files' sizes and the model that is asked for."""
        try:
            manifest: dict[str, Any] = json.loads((self._directory / "manifest.json").read_text(encoding="utf-8"))
            found = EmbeddingModel(manifest["name"], manifest["dimension"])
            whole = all((self._directory / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items())
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = f"There is no embedding model in {self._directory}. {CURE}"
            raise EmbeddingUnavailableError(message) from error
        if found != self._model or not whole:
            message = f"{self._directory} does not hold the whole of {self._model.identity}. {CURE}"
            raise EmbeddingUnavailableError(message)
        return manifest

    def _options(self) -> onnxruntime.SessionOptions:
        import onnxruntime  # noqa: PLC0415 - as in `_load`

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin while they wait take the processor from the functions beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if self._share_weights:
            options.add_session_config_entry("session.disable_prepacking", "1")
        return options


def _runtime_errors() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415 - as in `_load`

    return (state.Fail, state.RuntimeException, state.InvalidArgument, state.EPFail)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield positions, longest texts first, so that little is padding: at most 16 and 384 tokens, padding included.

    Unless one batch holds all, they come in pairs of as many texts, so that of two threads none is left to work alone.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    if len(order) <= _most(lengths[order[0]]):
        yield order
        return
    while order:
        pair = 2 * _most(lengths[order[0]])
        taken, order = order[:pair], order[pair:]
        half = (len(taken) + 1) // 2
        yield from filter(None, (taken[:half], taken[half:]))


def _most(longest: int) -> int:
    """Return how many texts a batch may hold of which the longest has so many tokens."""
    return max(1, min(LARGEST_BATCH, LARGEST_BATCH_TOKENS // longest))
