"""Bringing a database to the schema of this release (ADR 0009).

Alembic owns the durable tables. The tables of a read model belong to its generation: the first
generation of each is created, and made live, when there is none yet.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from projections.database import Database
from projections.event_store import EventLog
from projections.generations import READ, WRITTEN, Generation, Positioned
from projections.registry import Registry
from projections.states import begin_state, list_states

_BATCH = 500
_SCRIPTS = Path(__file__).with_name("migrations")


_NEEDS_MIGRATE = 'the database needs "rollbook migrate" before it can be served'


class WrongSchema(Exception):
    """The database is not at the schema of this release; the message says what to do."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """Return the revision this release needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise WrongSchema("this release has no revisions; it was not installed whole")
    return head


def present_revision(connection: Connection) -> str | None:
    """Return the revision a database is at; ``None`` when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database, registry: Registry) -> bool:
    """Bring the database to this release; safe to run twice, and from two processes at once.

    Returns:
        Whether anything had to be done.

    Raises:
        WrongSchema: a newer release wrote the database.
    """
    log = EventLog(database)
    with database.migrating() as connection:
        present = present_revision(connection)
        refuse_newer(present)
        changed = present != newest_revision()
        if changed:
            command.upgrade(_config(connection), "head")
        changed |= _first_generations(connection, log, registry)
        connection.commit()
    return changed


def is_empty(database: Database) -> bool:
    """Whether nothing was ever made in the database; another process may be about to."""
    with database.reading() as connection:
        return not inspect(connection).get_table_names()


def check_migrated(database: Database, registry: Registry) -> None:
    """Check that the database is at the schema of this release, and has its read models.

    Raises:
        WrongSchema: it is empty, older or newer.
    """
    with database.reading() as connection:
        present = present_revision(connection)
        refuse_newer(present)
        if present != newest_revision():
            raise WrongSchema(_NEEDS_MIGRATE)
        _check_readable(connection, registry)


def refuse_newer(present: str | None) -> None:
    """Check that this release knows a revision. Raises :class:`WrongSchema`."""
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if present is not None and present not in known:
        raise WrongSchema(
            f"the database was written by a newer release (revision {present}); "
            "run that release, or restore a backup from before it"
        )


def _check_readable(connection: Connection, registry: Registry) -> None:
    """Check that every read model is there, and that this release knows what is written of it.

    Raises:
        WrongSchema: a read model is missing, or a declaration was deleted before its tables.
    """
    states = list_states(connection)
    for read_model in registry.read_models:
        own = {each.generation: each.state for each in states if each.read_model == read_model}
        if READ not in own.values():
            raise WrongSchema(_NEEDS_MIGRATE)
        for number, state in own.items():
            if state in WRITTEN and (read_model, number) not in registry.every:
                raise WrongSchema(
                    f"read model {read_model} has a generation {number} ({state}) that this "
                    "release does not know; with one that does, rebuild it or drop what is not "
                    "read (docs/rebuild.md)"
                )


def _fill(connection: Connection, log: EventLog, generation: Generation) -> None:
    """Fill a read model that is new to this database with what happened so far."""
    reached = 0
    while found := log.read(reached, _BATCH, connection=connection):
        generation.project(connection, [Positioned(*each) for each in found])
        reached = found[-1][0]


def _first_generations(connection: Connection, log: EventLog, registry: Registry) -> bool:
    """Make the newest generation of each read model that has none."""
    present = {state.read_model for state in list_states(connection)}
    missing = [name for name in registry.read_models if name not in present]
    for read_model in missing:
        generation = registry.newest(read_model)
        generation.metadata.create_all(connection)
        if not registry.follows(read_model):
            _fill(connection, log, generation)
        begin_state(connection, registry, generation, READ)
    return bool(missing)
