"""Puts what a reader finds into readable text: paragraphs, `# headings`, `- items`, one line for each row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from backend.uploads.model import too_long

DEEPEST_HEADING = 6
DEEPEST_ITEM = 8
"""Items further in are indented no more."""
WIDEST_CELL = 30
"""Columns that one cell may span."""


class Mark(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    ROW = "row"


class Lines:
    """Text that grows to a limit and not beyond: `PayloadTooLargeError` as soon as it would.

    So a small file that says its names again and again cannot become a huge text.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._size = 0
        self._parts: list[str] = []

    def add(self, text: str, separator: str = "\n") -> None:
        """Add a text behind the separator, which is left out at the beginning."""
        if self._parts:
            self._parts.append(separator)
            self._size += len(separator)
        self._parts.append(text)
        # Halves of surrogate pairs are mended when the text is cleaned; they count as what they become.
        self._size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self._size > self._limit:
            raise too_long(self._limit)

    def text(self) -> str:
        """Return everything that was added."""
        return "".join(self._parts)


@dataclass(slots=True)
class _Table:
    """A table that is open. `dissolved`: another one began inside it, so it only places its cells and is no table."""

    dissolved: bool = False
    header: list[str] | None = None
    rows: int = 0
    row: list[str] | None = None
    row_is_header: bool = False
    cell: list[str] | None = None
    columns: int = 1


class Page:
    """A document in the order of reading. Of tables inside each other the innermost are read as tables.

    No text is copied from level to level, so that depth costs nothing.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._lines = Lines(limit_bytes)
        self._last: Mark | None = None
        self._tables: list[_Table] = []
        self.first_heading: str | None = None

    def paragraph(self, text: str) -> None:
        """Add a paragraph; inside a cell it becomes part of the cell."""
        self._block(Mark.PARAGRAPH, text, text)

    def heading(self, level: int, text: str) -> None:
        """Add a heading of this level, 1 being the highest."""
        line = " ".join(text.split())
        if line and self.first_heading is None:
            self.first_heading = line
        self._block(Mark.HEADING, text, f"{'#' * min(max(level, 1), DEEPEST_HEADING)} {line}")

    def item(self, depth: int, text: str) -> None:
        """Add an item of a list that stands `depth` lists deep, 0 being the outermost."""
        indent = "  " * min(max(depth, 0), DEEPEST_ITEM)
        self._block(Mark.ITEM, text, f"{indent}- {text.strip()}".replace("\n", f"\n{indent}  "))

    def open_table(self) -> None:
        """Begin a table; the one around it is a layout and no table."""
        if self._tables and not self._tables[-1].dissolved:
            outer = self._tables[-1]
            self._end(outer)
            outer.dissolved = True
        self._part()
        self._tables.append(_Table())

    def open_row(self, *, header: bool = False) -> None:
        """Begin a row of the innermost table."""
        if self._tables:
            table = self._tables[-1]
            self._close_row(table)
            table.row, table.row_is_header = [], header

    def mark_header(self) -> None:
        """Say that the row that is open names the columns."""
        if self._tables:
            self._tables[-1].row_is_header = True

    def open_cell(self, columns: str | None = None) -> None:
        """Begin a cell, and a row where none is open. `columns` is how many it spans, as written."""
        if self._tables:
            table = self._tables[-1]
            if table.row is None:
                table.row = []
            self._close_cell(table)
            table.cell = []
            self.widen(columns)

    def widen(self, columns: str | None) -> None:
        """Say how many columns the cell that is open spans, as written; what is no small number says nothing."""
        if self._tables:
            known = columns is not None and len(columns) < 3 and columns.isascii() and columns.isdigit()  # noqa: PLR2004 - two figures
            self._tables[-1].columns = max(1, min(int(columns), WIDEST_CELL)) if columns is not None and known else 1

    def close_cell(self) -> None:
        """End the cell."""
        if self._tables:
            self._close_cell(self._tables[-1])

    def close_row(self) -> None:
        """End the row."""
        if self._tables:
            self._close_row(self._tables[-1])

    def close_table(self) -> None:
        """End the innermost table."""
        if self._tables:
            self._end(self._tables.pop())
            self._part()

    def text(self) -> str:
        """Return the text, with whatever is still open closed."""
        while self._tables:
            self.close_table()
        return self._lines.text()

    def _block(self, mark: Mark, plain: str, marked: str) -> None:
        if not plain.strip():
            return
        table = self._tables[-1] if self._tables else None
        if table is not None and table.cell is not None and not table.dissolved:
            table.cell.append(plain)
            return
        close = mark in (Mark.ITEM, Mark.ROW) and mark is self._last
        self._lines.add(marked.strip("\n"), "\n" if close else "\n\n")
        self._last = mark

    def _close_cell(self, table: _Table) -> None:
        if table.cell is not None and table.row is not None:
            table.row.append(" ".join(" ".join(table.cell).split()))
            table.row += [""] * (table.columns - 1)
        table.cell = None

    def _close_row(self, table: _Table) -> None:
        self._close_cell(table)
        row, table.row = table.row, None
        if not row or not any(row):
            return
        table.rows += 1
        if table.rows == 1 and table.row_is_header and not table.dissolved:
            table.header = row
            return
        self._row(row_line(table.header or (), row))

    def _end(self, table: _Table) -> None:
        """Write what is open; a header with nothing below it is a row like any other."""
        self._close_row(table)
        if table.header is not None and table.rows == 1:
            self._row(row_line((), table.header))

    def _part(self) -> None:
        """Let rows that follow stand apart from those before: they are another table's."""
        if self._last is Mark.ROW:
            self._last = Mark.PARAGRAPH

    def _row(self, line: str) -> None:
        self._block(Mark.ROW, line, line)


def row_line(header: Sequence[str], row: Sequence[str]) -> str:
    """Return a row as one line, `column: value; column: value`. Empty cells are left out, cells without a name stand alone."""
    names = [*header[: len(row)], *[""] * (len(row) - len(header))]
    return "; ".join(f"{name}: {value}" if name else value for name, value in zip(names, row, strict=True) if value)
