from pathlib import Path

import pytest

from infrastructure.gates.detect_secrets import accept, baseline, compared, files, scanned
from infrastructure.gates.programs import ROOT, ToolError

# Made up, and spelt in parts: this file is looked at too.
AWS_KEY = "AKIA" + "QYLPMN5HFIQR7XYA"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEpAIBAAKCAQEA1c7\n-----END RSA PRIVATE " + "KEY-----"
PASSWORD = "pass" + 'word = "correct-horse-battery"'


def kinds(folder: Path, text: str) -> set[str]:
    (folder / "settings.py").write_text(text + "\n")
    return {kind for _, kind, _ in scanned(folder, ["settings.py"])}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f'key = "{AWS_KEY}"', "AWS Access Key"),
        (f'x = "{TOKEN}"', "GitHub Token"),
        (PRIVATE_KEY, "Private Key"),
        (PASSWORD, "Secret Keyword"),
    ],
)
def test_a_secret_in_a_file_is_found(tmp_path: Path, text: str, kind: str) -> None:
    assert kind in kinds(tmp_path, text)


def test_a_file_without_a_secret_is_clean(tmp_path: Path) -> None:
    assert kinds(tmp_path, "table = settings.memories_table") == set()


def test_no_file_to_look_at_is_no_clean_tree(tmp_path: Path) -> None:
    with pytest.raises(ToolError):
        scanned(tmp_path, [])


def test_what_is_in_the_baseline_is_known_also_in_another_line_and_a_second_secret_is_new(tmp_path: Path) -> None:
    path = tmp_path / "baseline"
    (tmp_path / "settings.py").write_text(PASSWORD + "\n")
    assert accept(tmp_path, path) == 1

    (tmp_path / "settings.py").write_text(f"\n\n{PASSWORD}\n")
    assert compared(scanned(tmp_path, ["settings.py"]), baseline(path)) == []

    (tmp_path / "settings.py").write_text(f'{PASSWORD}\nkey = "{AWS_KEY}"\n')
    found = compared(scanned(tmp_path, ["settings.py"]), baseline(path))
    assert ("AWS Access Key", "settings.py:2") in {(each.check, each.place) for each in found}
    assert AWS_KEY not in str(found)


def test_what_the_baseline_holds_and_nothing_has_any_more_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "baseline"
    (tmp_path / "settings.py").write_text(PASSWORD + "\n")
    accept(tmp_path, path)

    [found] = compared({}, baseline(path))

    assert (found.check, found.place) == ("UNUSED_ALLOWANCE", "settings.py")


def test_the_baseline_holds_no_secret_only_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "baseline"
    (tmp_path / "settings.py").write_text(f'key = "{AWS_KEY}"\n')

    accept(tmp_path, path)

    assert AWS_KEY not in path.read_text()


def test_every_file_is_looked_at_but_what_is_generated(tmp_path: Path) -> None:
    for name in ("code.py", "docs/a.md", ".venv/lib/b.py", "__pycache__/c.pyc", "requirements/dev.txt", ".secrets.baseline"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")

    assert files(tmp_path) == ["code.py", "docs/a.md"]
    assert {"template.yaml", "shared/backend/bootstrap.py", ".gitignore"} <= set(files(ROOT))
