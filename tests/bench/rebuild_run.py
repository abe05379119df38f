"""One rebuild of the directory, in a process of its own: the arguments are a URL and a key file.

Prints seconds, events, and the most memory it took, as JSON. What is read is empty at first: its
rows are copied from the new tables before the two are compared, so that a comparison costs what it
costs where both are full.
"""

import json
import sys
import threading
from pathlib import Path
from time import perf_counter

from sqlalchemy import Table, delete, func, insert, select

from api.composition import Service
from projections.spares import Spare
from projections.tables import events
from replay.rebuilding.comparing import compare_tables
from replay.rebuilding.documents import compare_documents
from replay.rebuilding.filling import Filler
from replay.rebuilding.progress import unwatched
from replay.rebuilding.switching import switch, working_on

from .filling import as_autovacuum_would, service_at
from .memory import most_kib

READ_MODEL = "directory"


def rebuild(service: Service) -> dict[str, float]:
    database, registry = service.database, service.registry
    live, spare = registry.every[READ_MODEL, 1], registry.every[READ_MODEL, -1]
    assert isinstance(spare, Spare)
    taken: dict[str, float] = {}
    with working_on(database, READ_MODEL, spare) as hold:
        began = perf_counter()
        filler = Filler(service.log, spare, live, hold, unwatched, threading.Event())
        filler.begin()
        filler.fill()
        filler.finish()
        taken["fill"] = perf_counter() - began
        for table in live.metadata.sorted_tables:
            _copy(service, spare.metadata.tables[spare.names.of(table.name)], table)
        as_autovacuum_would(service)
        began = perf_counter()
        with database.verifying() as connection:
            found = compare_tables(connection, live, spare, limit=20, progress=unwatched)
            rendered = list(
                compare_documents(connection, live, spare, full=False, progress=unwatched)
            )
        taken["verify"] = perf_counter() - began
        differences = found.total + sum(each is not None for each in rendered)
        taken["switch"] = switch(database, registry, spare)
        taken["rows"] = sum(each.new.rows for each in found.compared)
    return {**taken, "differences": differences}


def _copy(service: Service, source: Table, target: Table) -> None:
    names = [column.name for column in source.c]
    with service.database.migrating() as connection:
        connection.execute(delete(target))
        rows = select(*(source.c[name] for name in names))
        connection.execute(insert(target).from_select(names, rows))
        connection.commit()


def main(url: str, key: str) -> None:
    with service_at(url, Path(key)) as service:
        taken = rebuild(service)
        with service.database.reading() as connection:
            taken["events"] = connection.scalar(select(func.count()).select_from(events)) or 0
    taken["memory"] = most_kib()
    print(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
