"""Filling a read model again from the log.

The functions are those of live writes (ADR 0008). Everything happens in one transaction: readers
see the old rows until the new ones stand, and a failure leaves the old ones. Writers wait as long.
"""

from collections.abc import Callable

from sqlalchemy import delete

from projections.database import Database
from projections.event_store import EventLog, newest_position
from projections.followers.checkpoints import Checkpoint
from projections.generations import Positioned
from projections.registry import Registry
from projections.states import written_followers

BATCH = 500
Progress = Callable[[int, int], None]
"""Called with the position reached and the position of the newest event."""


def refill(
    database: Database,
    registry: Registry,
    log: EventLog,
    *,
    batch: int = BATCH,
    progress: Progress = lambda _reached, _newest: None,
) -> int:
    """Empty every read model and fill it again; return how many events were read.

    Raises:
        Unavailable: the database is busy, or a generation is unknown to this release.
    """
    count = 0
    with database.writing_alone() as connection:
        inline = [each.generation for each in registry.written(connection)]
        followers = [each.generation for each in written_followers(connection, registry)]
        written = [*inline, *followers]
        for generation in written:
            Checkpoint(generation).unpark_all(connection)
            for table in generation.metadata.sorted_tables:
                connection.execute(delete(table))
        newest = newest_position(connection)
        reached = 0
        while found := log.read(reached, batch, connection=connection):
            for generation in written:
                generation.project(connection, [Positioned(*each) for each in found])
            count += len(found)
            reached = found[-1][0]
            progress(reached, newest)
        for follower in followers:
            Checkpoint(follower).move(connection, reached, 0)
        connection.commit()
    return count
