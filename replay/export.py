"""The audit log as a file: every event of a span, oldest first, a batch at a time.

JSON Lines hold what the audit interface answers, as it is. CSV is for spreadsheets: one line a
changed attribute or member, and nothing in it that a spreadsheet would take for a formula.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Literal

import orjson

from projections.audit.positions import Stretch
from projections.audit.reading import onwards
from projections.backup import NotCopied
from projections.log import SqlLog
from replay.history import Between
from replay.telling import Told, told

Format = Literal["jsonl", "csv"]
Progress = Callable[[int, int], None]
"""Called with the positions that are done and all there are."""
BATCH = 500
COLUMNS = (
    "position",
    "recordedAt",
    "action",
    "operation",
    "resourceType",
    "resourceId",
    "resourceName",
    "version",
    "actorKind",
    "actorId",
    "tokenId",
    "sourceAddress",
    "userAgent",
    "correlationId",
    "causationId",
    "path",
    "before",
    "after",
    "warnings",
)
_BEGINNINGS = frozenset("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")
"""Where a cell begins, in this file or in one that is read with semicolons between cells."""
_SEPARATORS = re.compile(r"[;\t\r\n]")


class NotExported(NotCopied):
    """The export ended early; the message is one line for the operator."""


def export(  # noqa: PLR0913, PLR0917  # what, from where, in which form, to where
    log: SqlLog,
    realm: str,
    span: Between,
    form: Format,
    target: BinaryIO,
    progress: Progress = lambda _done, _all: None,
) -> int:
    """Write the events of a span to an open file; return how many there were.

    Raises:
        OSError: the disk is full, or nobody reads any more.
        Unavailable: the database is busy or gone.
    """
    writer = _Csv(target) if form == "csv" else _JsonLines(target)
    count = 0
    for position, batch in _batches(log, realm, span):
        writer.write(batch)
        count += len(batch)
        progress(position - span.after, span.upto - span.after)
    target.flush()
    return count


def _batches(log: SqlLog, realm: str, span: Between) -> Iterator[tuple[int, Sequence[Told]]]:
    after, full = span.after, True
    while full:
        with log.database.reading() as connection:
            stretch = Stretch(after, span.upto + 1)
            entries = onwards(connection, log.events, realm, stretch, BATCH)
            batch = told(connection, realm, entries)
        full = len(entries) == BATCH
        if entries:
            after = entries[-1].position
            yield after, batch


class _JsonLines:
    def __init__(self, target: BinaryIO) -> None:
        self._target = target

    def write(self, batch: Iterable[Told]) -> None:
        options = orjson.OPT_APPEND_NEWLINE
        self._target.write(b"".join([orjson.dumps(event, option=options) for event in batch]))


class _Csv:
    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._lines: list[str] = []
        # A file-like object with nothing but write: the module needs no more.
        self._writer = csv.writer(_Appending(self._lines), quoting=csv.QUOTE_ALL)
        self._writer.writerow(COLUMNS)

    def write(self, batch: Iterable[Told]) -> None:
        for event in batch:
            self._writer.writerows(_lines(event))
        self.flush()

    def flush(self) -> None:
        self._target.write("".join(self._lines).encode())
        self._lines.clear()


class _Appending:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, text: str) -> int:
        self._lines.append(text)
        return len(text)


def safe(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula; what is no text stands as JSON.

    An apostrophe is put before what could begin one (ABUSE L5). JSON Lines hold the values as they
    are.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if text[:1] in _BEGINNINGS or _SEPARATORS.search(text):
        return _FORMULA.sub(r"\1'", text)
    return text


def _lines(event: Told) -> Iterator[tuple[Any, ...]]:
    """Yield the cells of an event; those that the service itself made up need no guard."""
    actor = event["actor"]
    about = (
        event["position"],
        event["recordedAt"],
        event["action"],
        event["operation"],
        event["resourceType"],
        event["resourceId"],
        safe(event["resourceName"]),
        event["version"],
        actor["kind"],
        safe(actor["id"]),
        actor["tokenId"],
        safe(event["sourceAddress"]),
        safe(event["userAgent"]),
        event["correlationId"],
        event["causationId"],
    )
    warnings = safe(" ".join(f"{each['code']}:{each['path']}" for each in event["warnings"]))
    changes = [(c["path"], c["before"], c["after"]) for c in event["changes"]]
    changes += [("members", None, _member(each)) for each in event["membersAdded"]]
    changes += [("members", _member(each), None) for each in event["membersRemoved"]]
    for path, before, after in changes or [(None, None, None)]:
        yield (*about, safe(path), safe(before), safe(after), warnings)


def _member(member: Told) -> str:
    name = member["display"]
    return str(member["value"]) if name is None else f"{name} ({member['value']})"
