"""Plain text and Markdown are kept as they were written."""

from __future__ import annotations

from tests.unit.uploads.upload_samples import read

MARKDOWN = """---
tags: [a]
---

```sh
# not a heading
```

## The shop ##

- opens at *nine*

| day | opens |
|-----|-------|
| Mo  | nine  |"""


def test_plain_text_is_kept_as_it_is() -> None:
    found = read("a.txt", "  indented\n\n\n* item\n# no heading\ttab  \n\n")

    assert found.text == "  indented\n\n\n* item\n# no heading\ttab  "
    assert (found.title, found.pages, found.warnings) == (None, None, ())


def test_markdown_is_kept_as_it_is_and_titled_by_its_first_heading() -> None:
    found = read("a.md", MARKDOWN)

    assert found.text == MARKDOWN
    assert found.title == "The shop"


def test_markdown_without_a_heading_has_no_title() -> None:
    assert read("a.md", "#hashtag\n\n~~~\n# code\n```\n# code\n").title is None
