"""Bringing a database to the schema of this release (ADR 0009).

Alembic owns the durable tables. The tables of a read model belong to its generation: the first
generation of each is created, and made live, when there is none yet.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select

from projections.database import Database
from projections.followers.checkpoints import Checkpoint, standings
from projections.generations import READ, Registry
from projections.tables import generations

_SCRIPTS = Path(__file__).with_name("migrations")


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
    with database.migrating() as connection:
        present = present_revision(connection)
        _refuse_newer(present)
        changed = present != newest_revision()
        if changed:
            command.upgrade(_config(connection), "head")
        changed |= _first_generations(connection, registry)
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
        _refuse_newer(present)
        ready = present == newest_revision() and _has_followers(connection, registry)
    if not ready:
        raise WrongSchema('the database needs "rollbook migrate" before it can be served')


def _refuse_newer(present: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if present is not None and present not in known:
        raise WrongSchema(
            f"the database was written by a newer release (revision {present}); "
            "run that release, or restore a backup from before it"
        )


def _has_followers(connection: Connection, registry: Registry) -> bool:
    known = {(each.read_model, each.generation) for each in standings(connection)}
    return known >= {(model.read_model, model.number) for model in registry.followed}


def _first_generations(connection: Connection, registry: Registry) -> bool:
    present = set(connection.scalars(select(generations.c.read_model)))
    changed = False
    for (read_model, number), generation in registry.known.items():
        if read_model not in present:
            generation.metadata.create_all(connection)
            connection.execute(
                insert(generations).values(read_model=read_model, generation=number, state=READ)
            )
            changed = True
    for follower in registry.followed:
        follower.metadata.create_all(connection)
        changed |= Checkpoint(follower).begin(connection)
    return changed
