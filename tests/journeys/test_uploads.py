"""Files, as people send them: a form with a file, and what it says is remembered."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.journeys.conftest import User, problem
from tests.unit.uploads.upload_samples import OLE, docx, encrypted_pdf, packed, paragraph, pdf, table

PARAGRAPH = "The committee met again and discussed the minutes of the previous meeting at some length. " * 8


def upload(user: User, name: str, content: bytes, kind: str = "application/octet-stream", **fields: Any) -> httpx.Response:
    headers = {name.lower(): value for name, value in user.headers.items()}
    return user.http.post("/memory/upload", files={"file": (name, content, kind)}, data=fields, headers=headers)


def test_what_a_file_says_is_found_and_where_it_comes_from_is_told(user: User) -> None:
    note = b"# Keys\n\nThe spare key of the observatory hangs behind the barometer.\n"

    answer = upload(user, "keys.md", note, "text/markdown", tags=["house", "keys"], importance="0.9", metadata='{"shelf": 3}')

    body = answer.json()
    assert answer.status_code == 207, body
    assert (body["file"]["kind"], body["file"]["parts"], body["failed"]) == ("md", 1, 0)
    found = user.ask("Where is the spare key?", k=1, filters={"tags": ["keys"], "metadata": {"shelf": 3}})[0]
    assert "barometer" in found["text"]
    assert (found["source"], found["importance"], found["metadata"]["file_name"]) == ("upload", 0.9, "keys.md")
    again = upload(user, "keys.md", note, "text/markdown").json()
    assert {outcome["outcome"] for item in again["items"] for outcome in item["outcomes"]} <= {"merged", "skipped_low_signal"}


def test_a_page_and_a_table_are_read_too(user: User) -> None:
    page = b"<html><head><title>Boats</title><script>x()</script></head><body><p>The ferry leaves at nine.</p></body></html>"
    table = b"name,berth\nAurora,7\nBoreas,9\n"

    assert upload(user, "boats.html", page, "text/html").json()["file"]["title"] == "Boats"
    assert upload(user, "berths.csv", table, "text/csv").json()["failed"] == 0
    assert any("ferry" in each["text"] for each in user.ask("When does the ferry leave?", k=2))
    assert any("Boreas" in each["text"] for each in user.ask("Which berth has Boreas?", k=2))


def test_a_pdf_a_word_document_and_json_are_read_too(user: User) -> None:
    report = pdf(["The spare key of the observatory hangs behind the barometer.", "The dome opens at nine."], title="Keys")
    letter = docx(paragraph("The harbour master plays the oboe.") + table([["Berth", "Boat"], ["Seven", "Aurora"]]))
    notes = b'{"garden": {"tree": "The pear tree was planted by Ines."}}'

    first = upload(user, "keys.pdf", report, "application/pdf").json()["file"]
    assert (first["kind"], first["title"], first["pages"]) == ("pdf", "Keys", 2)
    assert upload(user, "letter.docx", letter).json()["file"]["kind"] == "docx"
    assert upload(user, "garden.json", notes, "application/json").json()["file"]["kind"] == "json"

    assert any("barometer" in each["text"] for each in user.ask("Where is the spare key?", k=2))
    assert any("oboe" in each["text"] for each in user.ask("What does the harbour master play?", k=2))
    assert any("Aurora" in each["text"] for each in user.ask("Which boat has berth seven?", k=3))
    assert any("pear" in each["text"] for each in user.ask("Who planted the tree in the garden?", k=2))
    assert {each["source"] for each in user.all()} == {"upload"}


def test_a_large_file_becomes_parts_and_a_key_makes_it_once(user: User) -> None:
    text = "\n\n".join(f"Chapter {number}. {PARAGRAPH}" for number in range(400)).encode()
    headers = {**user.headers, "Idempotency-Key": "book-1"}
    sent = {"files": {"file": ("book.txt", text, "text/plain")}, "headers": headers}

    first, again = (user.http.post("/memory/upload", **sent).json() for _ in range(2))  # type: ignore[arg-type] # as httpx takes them

    assert first["file"]["parts"] == len(first["items"]) > 2
    assert first["failed"] == 0
    ids = [item["result"]["memory_ids"] for item in first["items"]]
    assert [item["result"]["memory_ids"] for item in again["items"]] == ids
    assert len(user.all()) == len(ids)
    pending = user.call("GET", "/memory/pending").json()
    assert pending["pending_embedding"] <= len(ids)


def test_a_client_ref_is_the_key_of_the_whole_file(user: User) -> None:
    text = "\n\n".join(f"Chapter {number}. {PARAGRAPH}" for number in range(300)).encode()

    answers = [upload(user, "book.txt", text, "text/plain", client_ref="book-2") for _ in range(2)]

    first, again = (each.json() for each in answers)
    assert [each.headers.get("idempotent-replay") for each in answers] == [None, "true"]
    assert [{each["replayed"] for each in told["items"]} for told in (first, again)] == [{False}, {True}]
    assert (first["failed"], again["failed"]) == (0, 0)
    assert [each["result"]["memory_ids"] for each in again["items"]] == [each["result"]["memory_ids"] for each in first["items"]]
    assert len(user.all()) == len(first["items"]) > 1


MACROS: dict[str, bytes | str] = {
    "[Content_Types].xml": (
        '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'
        '<Override PartName="/word/document.xml" '
        'ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/></Types>'
    ),
    "word/vbaProject.bin": OLE + b"\0" * 2048,
}
"""What makes a Word document one with macros (ECMA-376, and [MS-OFFMACRO])."""

EXHAUSTING = {
    "a document that unpacks to hundreds of megabytes": ("big.docx", docx(paragraph("x" * 30_000_000)), "zip_bomb"),
    "an encrypted pdf": ("vault.pdf", encrypted_pdf("secret"), "encrypted"),
    "an encrypted document": ("vault.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
    "a document with macros": ("letter.docm", docx(paragraph("Hello."), **MACROS), "macros"),
    "a document with macros under another name": ("letter.docx", docx(paragraph("Hello."), **MACROS), "macros"),
}


@pytest.mark.parametrize(("name", "content", "reason"), EXHAUSTING.values(), ids=EXHAUSTING)
def test_what_would_harm_or_cannot_be_opened_is_refused_with_its_reason(
    passer_by: User, name: str, content: bytes, reason: str
) -> None:
    body = problem(upload(passer_by, name, content), 422, "validation-failed")

    assert body["reason"] == reason
    assert [each["pointer"] for each in body["errors"]] == ["/file"]
    assert passer_by.all() == []


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("tool.exe", b"MZ\x90\x00" + bytes(100), 415, "unsupported-media-type"),
        ("report.pdf", b"no pdf at all, but text", 422, "validation-failed"),
        ("empty.txt", b"", 422, "validation-failed"),
        ("letter.docx", packed({"word/document.xml": b"<a/>"}), 422, "validation-failed"),
    ],
)
def test_a_file_that_is_not_what_we_read_is_refused_clearly(
    passer_by: User, name: str, content: bytes, status: int, code: str
) -> None:
    body = problem(upload(passer_by, name, content), status, code)

    assert all(each["pointer"] in {"/file", "header:Content-Type"} and each["detail"] for each in body.get("errors", []))


def test_a_form_that_is_wrong_says_which_field(passer_by: User) -> None:
    assert (
        problem(upload(passer_by, "a.txt", b"The sky is blue.", importance="7"), 422, "validation-failed")["errors"][0]["pointer"]
        == "/importance"
    )
    problem(passer_by.call("POST", "/memory/upload", {"text": "no form"}), 415, "unsupported-media-type")
    headers = {**passer_by.headers, "content-type": "multipart/form-data; boundary=x"}
    problem(passer_by.http.post("/memory/upload", content=b"--x--\r\n", headers=headers), 422, "validation-failed")
    without_boundary = {**headers, "content-type": "multipart/form-data"}
    problem(passer_by.http.post("/memory/upload", content=b"no form", headers=without_boundary), 400, "malformed-request")


def test_a_dry_run_of_a_file_writes_nothing(user: User) -> None:
    body = upload(user, "a.txt", b"I live in Lisbon. I love hiking.", dry_run="true").json()

    assert [outcome["text"] for outcome in body["items"][0]["outcomes"]] == ["I live in Lisbon.", "I love hiking."]
    assert user.all() == []
