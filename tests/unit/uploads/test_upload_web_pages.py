"""A web page is read as its reader sees it."""

from __future__ import annotations

import pytest

from backend.uploads.model import Reason
from tests.unit.uploads.upload_samples import read, reason_of


def seen(page: str) -> str:
    return read("a.html", page).text


def test_headings_paragraphs_lists_and_links_are_kept_in_their_order() -> None:
    page = """<!doctype html><html><head><meta charset=utf-8><title>Our &amp; your shop</title></head><body>
    <h1>The <em>shop</em></h1><p>It opens
       at <a href="/nine">nine</a>.<br>It closes at six.</p>
    <h3>Goods</h3><ul><li>tea<li><p>coffee</p><ul><li>green</li></ul></li></ul><ol><li>first</ol>Bye</body></html>"""

    found = read("a.html", page)

    assert found.text == (
        "# The shop\n\nIt opens at nine.\nIt closes at six.\n\n### Goods\n\n- tea\n- coffee\n  - green\n- first\n\nBye"
    )
    assert found.title == "Our & your shop"


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>var secret = '<p>secret</p>'</script>",
        "<style>.secret {}</style>",
        "<nav><ul><li>secret</ul></nav>",
        "<div role=navigation>secret</div>",
        "<template><p>secret</template>",
        "<noscript>secret</noscript>",
        "<svg><text>secret</text></svg>",
        "<svg><title>secret</title></svg>",
        "<iframe>secret</iframe>",
        "<!-- secret -->",
        "<p hidden>secret",
        "<div hidden><div>secret</div>secret</div>",
        "<p aria-hidden='TRUE'>secret</p>",
        "<span style='color: red; DISPLAY : none'>secret</span>",
        "<b style='visibility:hidden'>secret</b>",
        "<table hidden><tr><td>secret</table>",
        "<input value=secret>",
        "<img alt=secret>",
    ],
)
def test_what_no_reader_sees_is_left_out_and_what_follows_is_not(unseen: str) -> None:
    assert seen(f"<p>before</p>{unseen}<p>after</p>") == "before\n\nafter"


def test_hidden_until_found_is_there_to_be_found() -> None:
    assert seen("<p hidden=until-found>text") == "text"


def test_entities_are_decoded_once() -> None:
    assert seen("<p>&lt;b&gt; &amp;amp; &eacute;&#8364;&#x1F600;") == "<b> &amp; é€😀"


def test_code_keeps_its_lines_and_blanks() -> None:
    assert seen("<p>x</p><pre>\nif a:\n    b  c\n</pre>") == "x\n\nif a:\n    b  c"


def test_rows_of_a_table_are_lines_with_the_names_of_its_columns() -> None:
    page = """<p>x<table><caption>Towns</caption><thead><tr><th>Name<th>Town<th>Age</thead>
    <tbody><tr><td>Ada<td>London<td>36<tr><td>Bob<td><td>7</tbody></table>
    <table><tr><td>no</td><td>names</td></tr></table>"""

    assert seen(page) == "x\n\nTowns\n\nName: Ada; Town: London; Age: 36\nName: Bob; Age: 7\n\nno; names"


def test_a_row_of_heading_cells_names_columns_and_spans_are_counted() -> None:
    page = "<table><tr><th colspan=2>Who<th>Town</tr><tr><td>Ada<td>L.<td>London</table>"

    assert seen(page) == "Who: Ada; L.; Town: London"


def test_a_table_of_nothing_but_names_is_not_lost() -> None:
    assert seen("<table><tr><th>Name<th>Town</table>") == "Name; Town"


def test_tables_that_place_other_tables_are_no_tables() -> None:
    page = "<table><tr><th>A<th>B<tr><td>before<table><tr><th>C<tr><td>d</table>after<td>beside</table>"

    assert seen(page) == "A: before\n\nC: d\n\nafter\n\nbeside"


def test_list_items_of_several_lines_stay_one_item() -> None:
    assert seen("<ul><li>a<br>b<li>c</ul>") == "- a\n  b\n- c"


@pytest.mark.parametrize(
    "page",
    [
        "<head><title>T</title><p>text",
        "<head><title>T</title>text",
        "<title>T</title>text",
        "<html><head><title>T</title><body>text",
        "text<title>T</title>",
    ],
)
def test_heads_that_are_never_closed_swallow_no_text(page: str) -> None:
    found = read("a.html", page)

    assert (found.title, found.text) == ("T", "text")


def test_stray_end_tags_say_nothing() -> None:
    assert seen("<div>a</p></b></table></td>b</div></div>c") == "a\n\nb\n\nc"


def test_a_page_without_a_title_is_titled_by_its_first_heading() -> None:
    assert read("a.html", "<p>x<h2>The  shop</h2>").title == "The shop"


def test_the_encoding_that_a_page_names_is_believed() -> None:
    found = read(
        "a.html", '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-5"><p>Привет'.encode("iso-8859-5")
    )

    assert (found.text, found.warnings) == ("Привет", ())


def test_a_page_of_pictures_has_no_text() -> None:
    assert reason_of("a.html", b"<html><head><title>Gallery</title><body><img src=1><script>x()</script>") is Reason.NO_TEXT
