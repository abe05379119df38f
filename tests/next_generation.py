"""A next generation of any read model, as a developer would add one: other tables, same rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, MetaData

from projections.generations import Generation, Positioned
from projections.naming import TableNames, speaking_of


class _Numbered(TableNames):
    def __init__(self, declared: Generation, number: int) -> None:
        super().__init__(declared.metadata.tables, "")
        self._endings = f"_g{declared.number}", f"_g{number}"

    def of(self, name: str) -> str:
        before, now = self._endings
        return name.removesuffix(before) + now


class Next:
    """Implements :class:`projections.generations.Generation`, and what its declaration answers."""

    def __init__(self, declared: Generation, number: int = 2) -> None:
        self.declared = declared
        self.read_model = declared.read_model
        self.number = number
        self.names = _Numbered(declared, number)
        self.metadata = MetaData()
        for table in declared.metadata.sorted_tables:
            copy = table.to_metadata(self.metadata, name=self.names.of(table.name))
            keys: list[Any] = [*copy.indexes, *copy.constraints]
            for named in keys:
                if named.name is not None:
                    named.name = named.name.replace(f"_g{declared.number}", f"_g{number}")

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        with speaking_of(connection, self.names):
            self.declared.project(connection, events)

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self.declared, name)

        def answer(*arguments: Any, **named: Any) -> Any:
            if not isinstance(arguments[0], Connection):
                return asked(*arguments, **named)
            with speaking_of(arguments[0], self.names):
                return asked(*arguments, **named)

        return answer
