"""A second set of tables of a declaration, and what two generations have in common (ADR 0021)."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, MetaData, Table

from projections.generations import Generation, Positioned
from projections.naming import TableNames, speaking_of

SPARE_SUFFIX = "_spare"


class Spare:
    """A second set of tables of a declaration, in which it is built anew beside the first.

    It is a generation of its own, whose number is the declared one's, negated: whoever does not
    know of spares finds a written generation it does not know, and refuses to write (ADR 0021).
    """

    def __init__(self, declared: Generation) -> None:
        self.declared = declared
        self.read_model = declared.read_model
        self.number = -declared.number

    @cached_property
    def names(self) -> TableNames:
        """What the tables are called."""
        return TableNames(self.declared.metadata.tables, SPARE_SUFFIX)

    @cached_property
    def metadata(self) -> MetaData:
        """The tables, as statements name them."""
        return self.tables("")

    def tables(self, build: str) -> MetaData:
        """Return the tables; ``build`` goes into the names of their keys and indexes.

        Those stay with a table when it changes its name, so that each build needs its own.
        """
        metadata = MetaData()
        for table in self.declared.metadata.sorted_tables:
            copy = table.to_metadata(metadata, name=self.names.of(table.name))
            keys: list[Any] = [*copy.indexes, *copy.constraints]
            for named in keys:
                if named.name is not None:
                    named.name = f"{named.name}_{build}"
        return metadata

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        """Write what the events say, with the functions of the declaration."""
        with speaking_of(connection, self.names):
            self.declared.project(connection, events)


def speaking(connection: Connection, generation: Generation) -> AbstractContextManager[None]:
    """Have the queries of a declaration, inside the block, be about a generation of it."""
    return speaking_of(connection, generation.names if isinstance(generation, Spare) else None)


def declaration_of(generation: Generation) -> Generation:
    """Return what a generation was declared as: itself, unless it is a spare."""
    return generation.declared if isinstance(generation, Spare) else generation


def table_pairs(old: Generation, new: Generation) -> Sequence[tuple[Table, Table]]:
    """Return the tables of two generations that hold the same, by their names without a number."""
    tables = {_plain(table.name, new): table for table in new.metadata.sorted_tables}
    return [
        (table, tables[plain])
        for table in old.metadata.sorted_tables
        if (plain := _plain(table.name, old)) in tables
    ]


def _plain(name: str, generation: Generation) -> str:
    return name.removesuffix(SPARE_SUFFIX).removesuffix(f"_g{abs(generation.number)}")
