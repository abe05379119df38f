"""The composition root: the one place that knows which parts a service is made of."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import ArgumentError

from api.settings import BadSetting, Settings
from projections.activity.g1 import ActivityG1
from projections.audit.g1 import AuditG1
from projections.credentials import HashKey, check_key, has_key, read_key
from projections.database import Database
from projections.directory.g1 import DirectoryG1
from projections.engines.backend import UnsupportedDatabase
from projections.followers.following import Following
from projections.followers.generations import followings
from projections.log import SqlLog
from projections.migration import check_migrated, is_empty, migrate
from projections.registry import Registry
from projections.snapshots.g1 import SnapshotsG1
from projections.spans.g1 import SpansG1


@dataclass(frozen=True)
class Service:
    """A running service: its settings and its parts."""

    settings: Settings
    database: Database
    registry: Registry
    key: HashKey
    log: SqlLog

    @property
    def public_url(self) -> str:
        """The address clients use, without a trailing slash."""
        return self.settings.public_url or "http://127.0.0.1:8000"

    def close(self) -> None:
        """Give back every connection."""
        self.database.close()


def open_database(settings: Settings) -> Database:
    """Open the database of the settings; makes the folder of an embedded one.

    Raises:
        BadSetting: the URL is not one of a supported database.
    """
    database = _named_database(settings)
    if database.file is not None:
        database.file.parent.mkdir(parents=True, exist_ok=True)
    return database


def embedded_file(settings: Settings) -> tuple[Database, Path]:
    """Return the embedded database of the settings and its file; nothing is made.

    Raises:
        BadSetting: the database is a server's, which has its own tools for copies.
    """
    database = _named_database(settings)
    if database.file is None:
        raise BadSetting(
            f"ROLLBOOK_DATABASE_URL: {database.backend.name} is backed up and restored with its "
            "own tools; docs/backup.md shows how"
        )
    return database, database.file


def _named_database(settings: Settings) -> Database:
    try:
        return Database(settings.database_url)
    except (UnsupportedDatabase, ArgumentError) as error:
        raise BadSetting(f"ROLLBOOK_DATABASE_URL: {error}") from None


def key_path(settings: Settings, database: Database) -> Path:
    """Return where the key file lies: named, beside the embedded database, or in ``var``."""
    return settings.key_file or (database.file or Path("var/rollbook.db")).with_name("rollbook.key")


def check_key_file(settings: Settings, database: Database) -> None:
    """Check that the key file is that of the database, where a key has written it.

    Raises:
        WrongKey: it is missing, malformed, or another one.
    """
    with database.reading() as connection:
        if has_key(connection):
            key = read_key(key_path(settings, database), create=False)
            check_key(connection, key, adopt=False)


def known_generations() -> Registry:
    """Return the read models of this release, in every generation it knows."""
    return Registry(
        [DirectoryG1(), SpansG1()],
        followed=[ActivityG1(), AuditG1(), SnapshotsG1()],
    )


def followings_of(
    service: Service, pause: Callable[[float], object] = time.sleep
) -> Sequence[Following]:
    """Return what keeps the followed read models behind the log; ``pause`` waits some seconds."""
    return followings(
        service.database, service.registry, service.log.events, service.log.clock, pause
    )


def open_service(settings: Settings, *, may_migrate: bool = False) -> Service:
    """Open the service of the settings.

    An empty embedded database is brought to the present schema by itself, any other only with
    ``may_migrate``. A database that no key has written yet gets one.

    Raises:
        BadSetting, WrongSchema, WrongKey: one clear line each
    """
    database, registry = open_database(settings), known_generations()
    try:
        if may_migrate or (database.backend.embedded and is_empty(database)):
            migrate(database, registry)
        check_migrated(database, registry)
        key = _opened_key(settings, database)
    except BaseException:
        database.close()
        raise
    log = SqlLog(database, registry, key, snapshots=SnapshotsG1())
    return Service(settings, database, registry, key, log)


def _opened_key(settings: Settings, database: Database) -> HashKey:
    with database.writing() as connection:
        first = not has_key(connection)
        key = read_key(key_path(settings, database), create=first)
        check_key(connection, key, adopt=first)
        connection.commit()
    return key
