"""The pending marker of the most varied text that can be sent fits an item, with everything else at its largest."""

from __future__ import annotations

import random
import unicodedata

from backend.embedding.model import to_unit
from backend.encryption.fake import FakeSeals
from backend.kit.dynamodb.limits import ITEM_BYTES, item_bytes
from backend.kit.dynamodb.values import to_item
from backend.memories.documents import documents_of
from backend.memories.markers import changes_of, marker_item
from backend.memories.model import MAX_TAGS, MAX_TEXT_BYTES
from tests.unit.memories.samples import NOW, memory


def test_the_marker_of_the_most_varied_text_takes_less_than_two_thirds_of_an_item() -> None:
    # No two characters are the same, so nearly every character and every pair of neighbours is a stem of its own.
    ideographs = [chr(code) for code in range(0x20000, 0x32000) if unicodedata.category(chr(code)) == "Lo"]
    random.Random(7).shuffle(ideographs)  # noqa: S311 - any fixed order will do
    text = "".join(ideographs[: MAX_TEXT_BYTES // 4])
    tags = tuple("".join(ideographs[start : start + 128]) for start in range(0, MAX_TAGS * 128, 128))
    largest = memory(text=text, tags=tags, vector=to_unit([float(part) for part in range(1, 1025)]))
    documents = documents_of(largest)
    seals = FakeSeals()

    marker = marker_item(largest, documents, NOW, seals)

    assert len(documents[0].stems) > 50_000
    assert marker["kind"] == "documents"
    assert item_bytes(to_item(marker)) < ITEM_BYTES * 2 // 3
    assert changes_of(marker, seals) == list(documents)
