"""Followed read models made for tests: they note what they were given, and fail when told to."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    insert,
    select,
)

from projections.database import Database
from projections.engines.spelling import insert_new
from projections.followers.following import Following
from projections.generations import Positioned
from projections.log import SqlLog
from projections.tables import checkpoints


class Notes:
    """Notes every position and the stream of its event; a position noted twice is an error."""

    read_model: str = "notes"
    number: int = 1
    metadata: MetaData = MetaData()
    table = Table(
        "notes_g1",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("stream_id", String(36), nullable=False),
    )

    def __init__(self, refuses: Callable[[Positioned], bool] = lambda _: False) -> None:
        self.refuses = refuses
        self.asked = 0

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        self.asked += 1
        for event in events:
            if self.refuses(event):
                raise ValueError(f"cannot take {event.position}")
        rows = [{"position": e.position, "stream_id": e.recorded.stream_id} for e in events]
        if rows:
            connection.execute(insert(self.table), rows)

    def noted(self, database: Database) -> list[int]:
        """Return the positions, in order."""
        with database.reading() as connection:
            found = connection.scalars(select(self.table.c.position))
            return sorted(found)


def following(
    log: SqlLog, model: Any, *, batch: int = 500, database: Database | None = None
) -> Following:
    """Make the tables and the checkpoint of a model where they are missing; return its following.

    It never really waits.
    """
    database = database or log.database
    with database.migrating() as connection:
        model.metadata.create_all(connection)
        row = {"read_model": model.read_model, "generation": model.number}
        new = insert_new(connection.dialect.name, checkpoints)
        connection.execute(new.values(**row, position=0, moved_at=0))
        connection.commit()
    return Following(database, log.events, model, log.clock, lambda _seconds: None, batch)
