"""Runs inside the environment of the peers: lets one of them remember and answer, with vectors that it is given.

    .venv-peers/bin/python -P benchmarks/peer_worker.py chroma WORK.json

WORK.json is written by `benchmarks.peers`; the answers go to the standard output as one line of JSON. Imports nothing of the
product: its packages are not there. Telemetry is off, no language model is asked, nothing leaves the machine.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

Vectors = dict[str, list[float]]
NO_KEY = "none"


class Peer(Protocol):
    """What is measured beside the product."""

    def remember(self, owner: str, turns: list[dict[str, str]]) -> None:
        """Store the turns, each with `id` and `text`."""

    def ask(self, owner: str, question: str, k: int) -> list[str]:
        """Return the ids of the best k, best first."""


class Chroma:
    """Chroma in this process, persistent, cosine; owners are metadata of one collection."""

    def __init__(self, folder: Path, vectors: Vectors) -> None:
        import chromadb  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - only in the environment of peers
        from chromadb.config import Settings  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - as above

        self._vectors = vectors
        client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
        self._collection = client.create_collection(
            "memories", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )

    def remember(self, owner: str, turns: list[dict[str, str]]) -> None:
        """See the protocol; a hundred at a time."""
        for start in range(0, len(turns), 100):
            some = turns[start : start + 100]
            self._collection.add(
                ids=[f"{owner}/{start + number}" for number in range(len(some))],
                embeddings=[self._vectors[turn["text"]] for turn in some],
                documents=[turn["text"] for turn in some],
                metadatas=[{"owner": owner, "turn": turn["id"]} for turn in some],
            )

    def ask(self, owner: str, question: str, k: int) -> list[str]:
        """See the protocol."""
        found = self._collection.query(
            query_embeddings=[self._vectors[question]], n_results=k, where={"owner": owner}, include=["metadatas"]
        )
        return [each["turn"] for each in found["metadatas"][0]]


class Given:
    """An embedder with vectors that are there already. mem0 takes the blanks off a question before it asks."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = {text.strip(): vector for text, vector in vectors.items()}

    def embed(self, text: str, _action: str | None = None) -> list[float]:
        """Return the vector."""
        return self._vectors[text.strip()]

    def embed_batch(self, texts: list[str], _action: str | None = None) -> list[list[float]]:
        """Return the vectors."""
        return [self.embed(text) for text in texts]


class Mem0:
    """mem0 over its local Qdrant, with `infer=False`: no language model takes part."""

    def __init__(self, folder: Path, vectors: Vectors) -> None:
        from mem0 import Memory  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - as above

        self._memory = Memory.from_config(
            {
                "vector_store": {
                    "provider": "qdrant",
                    "config": {"path": str(folder / "qdrant"), "on_disk": True, "embedding_model_dims": 384},
                },
                # Both are built when mem0 starts. The first is replaced below, the second is never asked.
                "embedder": {"provider": "openai", "config": {"api_key": NO_KEY, "embedding_dims": 384}},
                "llm": {"provider": "openai", "config": {"api_key": NO_KEY}},
                "history_db_path": str(folder / "history.db"),
            }
        )
        self._memory.embedding_model = Given(vectors)

    def remember(self, owner: str, turns: list[dict[str, str]]) -> None:
        """See the protocol."""
        for turn in turns:
            said = [{"role": "user", "content": turn["text"]}]
            self._memory.add(said, user_id=owner, infer=False, metadata={"turn": turn["id"]})

    def ask(self, owner: str, question: str, k: int) -> list[str]:
        """See the protocol."""
        found = self._memory.search(question, top_k=k, filters={"user_id": owner}, threshold=0.0)
        return [each["metadata"]["turn"] for each in found["results"]]


class Txtai:
    """txtai with its texts (`content`), saved to files; an index for each owner, so that no answer is filtered away afterwards.

    `hybrid` lets its BM25 count as much as the vectors, which is what it does by default then. It needs no model for either.
    """

    def __init__(self, folder: Path, vectors: Vectors, *, hybrid: bool = False) -> None:
        from txtai import Embeddings  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - as above

        given = Given(vectors)

        # A plain function: anything else would be taken for a class and called without arguments.
        def transform(texts: list[str]) -> list[list[float]]:
            return given.embed_batch(texts)

        self._folder = folder / "txtai"
        self._empty: Callable[[], Any] = partial(Embeddings, method="external", transform=transform, content=True, hybrid=hybrid)
        self._indexes: dict[str, Any] = {}

    def remember(self, owner: str, turns: list[dict[str, str]]) -> None:
        """See the protocol; a hundred at a time, each hundred saved."""
        if owner not in self._indexes:
            self._indexes[owner] = self._empty()
        index = self._indexes[owner]
        for start in range(0, len(turns), 100):
            first = index.count()
            index.upsert(
                [(f"{first + number}/{turn['id']}", turn["text"]) for number, turn in enumerate(turns[start : start + 100])]
            )
            index.save(str(self._folder / quote(owner, safe="")))

    def ask(self, owner: str, question: str, k: int) -> list[str]:
        """See the protocol."""
        return [each["id"].partition("/")[2] for each in self._indexes[owner].search(question, k)]


PEERS: dict[str, Callable[[Path, Vectors], Peer]] = {
    "chroma": Chroma,
    "mem0": Mem0,
    "txtai": Txtai,
    "txtai-hybrid": partial(Txtai, hybrid=True),
}


def measured(peer: Peer, talks: list[dict[str, Any]], k: int) -> dict[str, Any]:
    """Let the peer remember and answer everything; return the answers and the seconds."""
    adding, asking = 0.0, []
    answers: list[list[str]] = []
    for talk in talks:
        start = time.perf_counter()
        peer.remember(talk["name"], talk["turns"])
        adding += time.perf_counter() - start
        for question in talk["questions"]:
            start = time.perf_counter()
            answers.append(peer.ask(talk["name"], question, k))
            asking.append(time.perf_counter() - start)
    return {"answers": answers, "adding": adding, "asking": asking}


def vectors_of(work: dict[str, Any]) -> Vectors:
    """Return the vectors by their text: base64 of little-endian float32."""
    return {text: array("f", base64.b64decode(packed)).tolist() for text, packed in work["vectors"].items()}


def main() -> None:
    """Do the work of the file and print what came of it."""
    name, path = sys.argv[1:]
    work = json.loads(Path(path).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MEM0_TELEMETRY": "False", "ANONYMIZED_TELEMETRY": "False", "MEM0_DIR": folder, "HOME": folder}
        os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        found = measured(PEERS[name](Path(folder), vectors_of(work)), work["talks"], work["k"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
