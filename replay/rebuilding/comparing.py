"""Comparing two generations in one snapshot, in which both move in step.

A digest of each realm's rows says whether two tables hold the same, whatever the order in which
they give them; where digests differ, the rows that do are named, by resource and column.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
)

from projections.generations import Generation
from projections.spares import table_pairs
from replay.rebuilding.progress import Progress, Reached

_PAGE = 2_000
_MODULUS = 2**128


class Difference(NamedTuple):
    """Something that the new generation says otherwise than the old one."""

    realm: str
    table: str
    resource: str
    """The row's key, without its realm."""
    column: str
    """The column, or ``row`` where a whole row is missing or is one too many."""
    old: str
    new: str


Named = Callable[[Any], Iterable[Difference]]
"""Says in what a row differs."""


class Content(NamedTuple):
    """What a table holds of a realm: how many rows, and a digest of what both shapes have."""

    rows: int
    digest: str


class Compared(NamedTuple):
    """One table of a realm in the old and in the new generation."""

    realm: str
    table: str
    old: Content
    new: Content


@dataclass
class Comparison:
    """What came out: all counts, the first differences, and how many rows differ."""

    compared: list[Compared] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    total: int = 0
    documents: int = 0
    """How many rendered documents were compared."""
    beyond: list[str] = field(default_factory=list)
    """Columns and tables that only one of the two has: nothing to compare them with."""

    def note(self, difference: Difference, limit: int) -> None:
        """Count a difference, and keep it while there are few."""
        self.total += 1
        if len(self.differences) < limit:
            self.differences.append(difference)


class _Pair:
    """Two tables and what they have in common."""

    def __init__(self, old: Table, new: Table) -> None:
        self.old, self.new = old, new
        self.key = [column.name for column in old.primary_key]
        self.names = [name for name in old.c.keys() if name in new.c]  # noqa: SIM118  # not a dict
        self.comparable = all(name in new.primary_key.columns for name in self.key)

    @property
    def beyond(self) -> Iterator[str]:
        for table in (self.old, self.new):
            yield from (f"{table.name}.{c.name}" for c in table.c if c.name not in self.names)


def compare_tables(
    connection: Connection,
    old: Generation,
    new: Generation,
    *,
    limit: int,
    progress: Progress,
) -> Comparison:
    """Compare what both generations hold, realm by realm; keep the first ``limit`` differences."""
    found = Comparison()
    pairs = [_Pair(*tables) for tables in table_pairs(old, new)]
    paired = {table.name for pair in pairs for table in (pair.old, pair.new)}
    for table in (*old.metadata.sorted_tables, *new.metadata.sorted_tables):
        if table.name not in paired:
            found.beyond.append(table.name)
    total = 2 * sum(_count(connection, table) for pair in pairs for table in (pair.old, pair.new))
    done = 0
    for pair in pairs:
        found.beyond += pair.beyond
        for realm in sorted({*_realms(connection, pair.old), *_realms(connection, pair.new)}):
            contents = []
            for table in (pair.old, pair.new):
                content = _content(connection, table, pair.names, realm)
                contents.append(content)
                done += 2 * content.rows
                progress(Reached("verifying", done, max(total, done)))
            found.compared.append(Compared(realm, pair.old.name, *contents))
            if contents[0] != contents[1]:
                for statement, named in _differences(pair, realm):
                    _note(connection, found, statement, named, limit)
    return found


def _note(
    connection: Connection, found: Comparison, statement: Select[Any], named: Named, limit: int
) -> None:
    """Count the rows of a statement, and name the first of them."""
    found.total += connection.scalar(select(func.count()).select_from(statement.subquery())) or 0
    left = max(0, limit - len(found.differences))
    for row in connection.execute(statement.limit(left)):
        found.differences += [*named(row)][: limit - len(found.differences)]


def _count(connection: Connection, table: Table) -> int:
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def _realms(connection: Connection, table: Table) -> Iterator[str]:
    """Yield the realms of a table, asking once for each."""
    first = select(func.min(table.c.realm))
    realm = connection.scalar(first)
    while realm is not None:
        yield realm
        realm = connection.scalar(first.where(table.c.realm > realm))


def _plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column as it can be compared and put into a digest."""
    return cast(column, Text) if isinstance(column.type, JSON) else column


def _content(connection: Connection, table: Table, names: Sequence[str], realm: str) -> Content:
    """Count the rows of a realm, and add up a digest of each: their order does not matter."""
    key = [column for column in table.primary_key if column.name != "realm"]
    columns = [_plain(table.c[name]).label(f"v_{name}") for name in names]
    keyed = [column.label(f"k_{column.name}") for column in key]
    page = select(*columns, *keyed).where(table.c.realm == realm).order_by(*key).limit(_PAGE)
    after = page.where(
        tuple_(*key) > tuple_(*(bindparam(f"after_{n}", type_=c.type) for n, c in enumerate(key)))
    )
    rows = connection.execute(page).all()
    count, digest = 0, 0
    width = len(columns)
    while rows:
        for row in rows:
            text = repr(tuple(row[:width])).encode()
            digest += int.from_bytes(blake2b(text, digest_size=16).digest(), "big")
        count += len(rows)
        if len(rows) < _PAGE:
            break
        last = {f"after_{number}": value for number, value in enumerate(rows[-1][width:])}
        rows = connection.execute(after, last).all()
    return Content(count, f"{digest % _MODULUS:032x}")


def _differences(pair: _Pair, realm: str) -> Iterator[tuple[Select[Any], Named]]:
    """Yield statements that find the rows that differ, and what names their differences."""
    if not pair.comparable:
        whole = Difference(realm, pair.old.name, "-", "row", "other rows", "other rows")
        yield select(literal(1)), lambda _: [whole]
        return
    for one, other, old, new in (
        (pair.old, pair.new, "is there", "is missing"),
        (pair.new, pair.old, "is not there", "is one too many"),
    ):
        keys = select(*(one.c[name] for name in pair.key))
        lone = keys.select_from(one.outerjoin(other, _same_row(pair, one, other))).where(
            one.c.realm == realm, other.c[pair.key[0]].is_(null())
        )
        yield lone, partial(_lone, pair, realm, (old, new))
    names = [name for name in pair.names if name not in pair.key]
    if names:
        yield _changed(pair, realm, names), partial(_values, pair, realm, names)


def _lone(pair: _Pair, realm: str, said: tuple[str, str], row: Any) -> Iterator[Difference]:
    yield Difference(realm, pair.old.name, _named(pair, row), "row", *said)


def _same_row(pair: _Pair, one: Table, other: Table) -> ColumnElement[bool]:
    return and_(*(one.c[name] == other.c[name] for name in pair.key))


def _changed(pair: _Pair, realm: str, names: Sequence[str]) -> Select[Any]:
    old = [_plain(pair.old.c[name]).label(f"old_{name}") for name in names]
    new = [_plain(pair.new.c[name]).label(f"new_{name}") for name in names]
    differ = or_(
        *(_plain(pair.old.c[name]).is_distinct_from(_plain(pair.new.c[name])) for name in names)
    )
    return (
        select(*(pair.old.c[name] for name in pair.key), *old, *new)
        .select_from(pair.old.join(pair.new, _same_row(pair, pair.old, pair.new)))
        .where(pair.old.c.realm == realm, differ)
    )


def _values(pair: _Pair, realm: str, names: Sequence[str], row: Any) -> Iterator[Difference]:
    resource, values = _named(pair, row), row[len(pair.key) :]
    for name, before, now in zip(names, values, values[len(names) :], strict=False):
        if before != now:
            yield Difference(realm, pair.old.name, resource, name, str(before), str(now))


def _named(pair: _Pair, row: Sequence[Any]) -> str:
    parts = zip(pair.key, row, strict=False)
    return " ".join(str(value) for name, value in parts if name != "realm")
