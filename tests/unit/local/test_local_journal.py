import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.local.errors import StateError
from infrastructure.local.journal import Image, Journal

TEXTS = st.text(st.characters(codec=None, exclude_categories=()))
ITEMS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS | st.floats(allow_nan=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
)
"""What JSON holds, halves of surrogate pairs too."""
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/notes"


def image(key: str, text: str | None = "x") -> Image:
    return Image(ARN, "t1", key, "ROW", None if text is None else {"pk": {"S": key}, "text": {"S": text}})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def segments(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.glob("*.jsonl"))


def test_what_was_appended_is_read_again_in_order_by_the_next_process(journal: Journal, tmp_path: Path) -> None:
    journal.append([image("a"), image("b", None)])
    journal.append([image("ä\udc80\u2028", "日本\n語")])
    journal.close()

    assert list(Journal(tmp_path).read()) == [image("a"), image("b", None), image("ä\udc80\u2028", "日本\n語")]


@given(item=ITEMS)
def test_an_item_is_read_again_as_it_was(item: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        journal = Journal(Path(directory))
        journal.append([Image(ARN, "t1", "a", "ROW", item)])
        journal.close()
        found = next(Journal(Path(directory)).read()).item

    assert repr(found) == repr(item)


def test_one_request_is_one_line(journal: Journal, tmp_path: Path) -> None:
    journal.append([image("a"), image("b"), image("c")])
    journal.append([image("d")])
    journal.close()

    assert segments(tmp_path)[0].read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("cut_off", [1, 10, 60])
def test_a_line_that_a_kill_cut_off_is_left_out(journal: Journal, tmp_path: Path, cut_off: int) -> None:
    journal.append([image("a")])
    journal.append([image("b")])
    journal.close()
    path = segments(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-cut_off])

    assert list(Journal(tmp_path).read()) == [image("a")]


def test_after_a_torn_line_the_next_process_appends_to_a_new_segment(journal: Journal, tmp_path: Path) -> None:
    journal.append([image("a")])
    journal.close()
    path = segments(tmp_path)[0]
    path.write_bytes(path.read_bytes() + b'[["arn')
    second = Journal(tmp_path)
    second.append([image("b")])
    second.close()

    assert list(Journal(tmp_path).read()) == [image("a"), image("b")]


@pytest.mark.parametrize("damage", [b"[[1\n", b'["too short"]\n', b'{"a": 1}\n', b"\xff\xfe\n"])
def test_damage_elsewhere_is_told_and_not_skipped(journal: Journal, tmp_path: Path, damage: bytes) -> None:
    journal.append([image("a")])
    journal.close()
    path = segments(tmp_path)[0]
    path.write_bytes(damage + path.read_bytes())

    with pytest.raises(StateError, match=r"Line 1 of .* is damaged"):
        list(Journal(tmp_path).read())


def test_segments_before_a_cut_go_when_the_snapshot_is_on_disk(journal: Journal, tmp_path: Path) -> None:
    journal.append([image("before")])
    number = journal.cut()
    journal.append([image("after")])

    assert list(Journal(tmp_path).read()) == [image("before"), image("after")]
    journal.drop_before(number)
    journal.close()
    assert list(Journal(tmp_path).read()) == [image("after")]


def test_the_bytes_since_the_cut_tell_when_a_snapshot_is_due(journal: Journal) -> None:
    journal.append([image("a")])
    assert journal.bytes_since_cut > 0
    journal.cut()
    assert journal.bytes_since_cut == 0
    journal.close()


FULL_DISK = """
import resource, sys
from pathlib import Path
from infrastructure.local.journal import Image, Journal

journal = Journal(Path(sys.argv[1]))
journal.append([Image("arn", "t", "first", "s", {})])
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
refused = 0
for number in range(3):
    try:
        journal.append([Image("arn", "t", f"refused {number}", "s", {"text": "x" * 200})])
    except OSError:
        refused += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append([Image("arn", "t", "last", "s", {})])
print(refused)
"""


def test_a_write_that_a_full_disk_refuses_leaves_no_part_of_itself(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)

    assert done.stdout == "3\n"
    assert [found.partition_key for found in Journal(tmp_path).read()] == ["first", "last"]
