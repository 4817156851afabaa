"""The product beside Chroma, mem0 and txtai, in one run: `python -m benchmarks.peers --format locomo PATH`.

The peers stand in an environment of their own: `make .venv-peers/.ready`.

All get the same vectors, made beforehand by our model, so that what differs is what each makes of them. Each keeps its data in
files of a folder that is thrown away; no language model takes part, telemetry is off. Latency is that of the store alone: the
question's vector is there. The peers are measured with the bare text, and with "Speaker: text", which is how ours reads words.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.embedding.minilm import MiniLmEmbedder
from backend.embedding.model import Purpose
from benchmarks.datasets import FORMATS, Conversation, Turn, read
from benchmarks.handlers import MODEL
from benchmarks.machine import ROOT
from benchmarks.peer_worker import PEERS
from benchmarks.plot import Bar
from benchmarks.ranking import scores
from benchmarks.recall import K, judged
from benchmarks.report import Report, add_output, finish
from benchmarks.spread import milliseconds, timed
from benchmarks.stores import InProcess, Prepared

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
WORKER = Path(__file__).with_name("peer_worker.py")
CURE = "There is no environment of the peers: make .venv-peers/.ready"


def spoken(turn: Turn, *, speaker: bool) -> str:
    """Return the text that a peer gets for a turn."""
    return f"{turn.speaker}: {turn.text}" if speaker and turn.speaker else turn.text


def work_of(conversations: Sequence[Conversation], embedder: MiniLmEmbedder, *, speaker: bool) -> dict[str, Any]:
    """Return what the worker reads: the conversations and the vector of every text and question."""
    talks: list[dict[str, Any]] = [
        {
            "name": talk.name,
            "turns": [{"id": turn.turn_id, "text": spoken(turn, speaker=speaker)} for turn in talk.turns],
            "questions": [question.text for question in talk.questions],
        }
        for talk in conversations
    ]
    said = [turn["text"] for talk in talks for turn in talk["turns"]]
    distinct = list(dict.fromkeys([*said, *(question for talk in talks for question in talk["questions"])]))
    vectors = embedder.embed(distinct, Purpose.DOCUMENT)
    packed = {text: base64.b64encode(vector).decode() for text, vector in zip(distinct, vectors, strict=True)}
    return {"talks": talks, "vectors": packed, "k": K}


def peer(name: str, python: Path, work: Path) -> dict[str, Any]:
    """Let a peer do the work in its own environment. Raises `CalledProcessError`."""
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    # -P: beside the worker stands a module with a name of the standard library, `http`.
    done = subprocess.run([python, "-P", WORKER, name, work], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(name: str, memories: int, adding: float, asking: Sequence[float], pairs: Sequence[Any]) -> dict[str, Any]:
    """Return a line of the table."""
    return {
        "store": name,
        **scores(pairs),
        "query p50 ms": milliseconds(asking, 50),
        "query p95 ms": milliseconds(asking, 95),
        "adds/s": memories / adding,
    }


def ours(conversations: Sequence[Conversation], embedder: MiniLmEmbedder, folder: Path) -> dict[str, Any]:
    """Measure the product's use cases over the embedded index, every vector made beforehand."""
    said = [turn.text for talk in conversations for turn in talk.turns]
    prepared = Prepared(embedder, [*said, *(question.text for talk in conversations for question in talk.questions)])
    store = InProcess(folder / "index.db", prepared)
    adding: list[float] = []
    remember = store.remember
    try:
        store.remember = lambda owner, turns: adding.append(timed(lambda: remember(owner, turns)))  # type: ignore[method-assign] # timed here only
        answers, asking = judged(store, conversations)
    finally:
        store.close()
    pairs = [(found, evidence) for _, found, evidence in answers]
    return row("memorysync (in process)", len(said), sum(adding), asking, pairs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the files; 1 without the peers' environment."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("path", type=Path, help="file of conversations and questions")
    parser.add_argument("--format", choices=FORMATS, required=True, help="its form")
    parser.add_argument("--conversations", type=int, help="how many of the file, from its beginning (default: all)")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS), help="which (%(default)s)")
    parser.add_argument("--python", type=Path, default=PYTHON, help="the interpreter that has them (%(default)s)")
    parser.add_argument("--model", type=Path, default=MODEL, help="directory of the embedding model (%(default)s)")
    add_output(parser)
    asked = parser.parse_args(arguments)
    if not asked.python.exists():
        print(CURE, file=sys.stderr)
        return 1
    conversations = read(asked.path, asked.format)[: asked.conversations]
    memories = sum(len(talk.turns) for talk in conversations)
    evidence = [question.evidence for talk in conversations for question in talk.questions]
    embedder = MiniLmEmbedder(asked.model, threads=2, share_weights=False)
    with tempfile.TemporaryDirectory() as folder:
        rows = [ours(conversations, embedder, Path(folder))]
        for speaker in (False, True):
            work = Path(folder) / "work.json"
            work.write_text(json.dumps(work_of(conversations, embedder, speaker=speaker)), encoding="utf-8")
            for name in asked.peers:
                print(f"{name}, {'speaker and text' if speaker else 'bare text'} ...", file=sys.stderr, flush=True)
                found = peer(name, asked.python, work)
                pairs = list(zip(found["answers"], evidence, strict=True))
                form = "speaker and text" if speaker else "bare text"
                rows.append(row(f"{name}, {form}", memories, found["adding"], found["asking"], pairs))
    parameters = {"format": asked.format, "conversations": len(conversations), "memories": memories, "k": K}
    plots = {name: [Bar(str(each["store"]), each[name]) for each in rows] for name in ("R@10", "query p50 ms")}
    notes = [
        "Ours adds through all of its use case (candidates, guards, evidence) over a table in memory; peers write their files."
    ]
    finish(Report(f"peers-{asked.format}", f"Beside other stores, {asked.format}", parameters, rows, plots, notes), asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
