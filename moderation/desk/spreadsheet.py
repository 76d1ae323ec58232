"""CSV (RFC 4180) that spreadsheets open: UTF-8 with its mark, and no cell that is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask import Response

MEDIA_TYPE = "text/csv; charset=utf-8"
BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel reads UTF-8 as if it were Latin-1."""

_BEGINS_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_AT_ONCE = 200


def cell(value: Any) -> Any:
    """A value as it may stand in a spreadsheet: text that could be a formula gets a quote first.

    A reader's word like ``=HYPERLINK(…)`` would otherwise be run by whoever opens the file (OWASP,
    "CSV Injection"). Numbers are numbers, negative ones too.
    """
    if value is None:
        return ""
    if isinstance(value, str) and value.lstrip(" ").startswith(_BEGINS_A_FORMULA):
        return f"'{value}"
    return value


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The text of a file, in pieces of some rows, as they come."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(BYTE_ORDER_MARK)
    writer.writerow([cell(name) for name in head])
    for number, row in enumerate(rows, 1):
        writer.writerow([cell(value) for value in row])
        if number % _AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def download(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """An answer that browsers save as ``name``.csv; ``rows`` are asked for while it is sent."""
    response = Response(csv_lines(head, rows), content_type=MEDIA_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response
