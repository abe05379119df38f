"""What a command prints: one JSON value for scripts, sentences and tables for people."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
ONCE = "Keep it now: it is shown this once and stored nowhere."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDTH_OF_A_FILE = 240
"""Columns a table may take where no terminal says how wide it is: ids are never cut."""


def instant(microseconds: int | None) -> str | None:
    """Return microseconds since 1970 as RFC 3339 text in UTC, to the second."""
    if microseconds is None:
        return None
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def say(text: str) -> None:
    """Print a line, unwrapped and at once."""
    typer.echo(text)


def show(value: Any, *sentences: str, as_json: bool) -> None:
    """Print the value as JSON, or the sentences."""
    if as_json:
        say(json.dumps(value, ensure_ascii=False))
        return
    for sentence in sentences:
        say(sentence)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[int] = (),
    headed: bool = True,
) -> None:
    """Print a table; a cell too wide for the terminal is folded, never cut.

    One that is printed in several parts gives its columns least ``widths``, and one head.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    grid = Table(box=None, pad_edge=False, show_header=headed)
    for column, width in zip_longest(columns, widths):
        grid.add_column(column, overflow="fold", min_width=width)
    for row in rows:
        grid.add_row(*row)
    console.print(grid)


def examples(*lines: str) -> str:
    r"""Return the examples below a help text; ``\b`` keeps it from being wrapped."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
