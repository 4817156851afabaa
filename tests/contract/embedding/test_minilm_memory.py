"""The weights are mapped from their file, so that processes on one machine hold them once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SMAPS = Path("/proc/self/smaps")

PROGRAM = """
import json, sys
from pathlib import Path
from backend.embedding.minilm import MiniLmEmbedder
from backend.embedding.model import Purpose

embedder = MiniLmEmbedder(Path(sys.argv[1]))
embedder.embed(["The customer prefers email over phone calls."] * 3, Purpose.DOCUMENT)
sizes, inside = {}, False
for line in open("/proc/self/smaps"):
    first, *rest = line.split()
    if not first.endswith(":"):
        inside = line.rstrip().endswith(".onnx.data")
    elif inside and rest[-1] == "kB":
        sizes[first.rstrip(":")] = sizes.get(first.rstrip(":"), 0) + int(rest[0])
print(json.dumps(sizes))
"""


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells what is mapped")
def test_the_weights_in_use_are_pages_of_their_file_of_which_none_is_a_private_copy(model_directory: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(model_directory)]

    sizes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert sizes["Rss"] > 10_000
    assert sizes["Anonymous"] == 0  # a page that was copied for this process has left its file
