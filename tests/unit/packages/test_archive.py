"""An archive depends on nothing but the files in it."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from infrastructure.packages.archive import pack


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


FILES = {"b.py": b"b = 1\n", "a/z.py": b"", "a/c.py": b"c = 2\n" * 400}


def test_the_same_files_give_the_same_bytes_whenever_and_by_whomever_they_were_written(tmp_path: Path) -> None:
    one = write(tmp_path / "one", FILES)
    other = write(tmp_path / "other", dict(reversed(FILES.items())))
    for path in other.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)

    weights = [pack(one, tmp_path / "one.zip"), pack(other, tmp_path / "other.zip")]

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    assert weights[0] == weights[1]


def test_what_is_unpacked_is_what_was_packed_and_anybody_may_read_it(tmp_path: Path) -> None:
    weight = pack(write(tmp_path / "files", FILES), tmp_path / "files.zip")

    with zipfile.ZipFile(tmp_path / "files.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.namelist() == ["a/c.py", "a/z.py", "b.py"]
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
    assert (weight.files, weight.unzipped) == (3, sum(map(len, FILES.values())))
    assert weight.zipped == (tmp_path / "files.zip").stat().st_size < weight.unzipped


@pytest.mark.parametrize("changed", [{"b.py": b"b = 2\n"}, {"c.py": b""}])
def test_one_other_byte_or_name_is_another_archive(tmp_path: Path, changed: dict[str, bytes]) -> None:
    before = pack(write(tmp_path / "files", FILES), tmp_path / "before.zip")
    after = pack(write(tmp_path / "files", changed), tmp_path / "after.zip")

    assert before.sha256 != after.sha256
    assert before.content != after.content


def test_a_link_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "files", FILES)
    (tmp_path / "files" / "link.py").symlink_to("b.py")

    with pytest.raises(ValueError, match=r"link\.py is a link"):
        pack(tmp_path / "files", tmp_path / "files.zip")
