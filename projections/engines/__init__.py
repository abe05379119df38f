"""Everything in which database engines differ; nothing else knows one (ADR 0012).

- :mod:`~projections.engines.backend`: what is asked of an engine
- :mod:`~projections.engines.sqlite`, :mod:`~projections.engines.postgresql`: the two answers
- :mod:`~projections.engines.statements`, :mod:`~projections.engines.pipeline`: how prepared
  statements reach a driver
- :mod:`~projections.engines.sessions`, :mod:`~projections.engines.waiting`: how a call waits for a
  server, in a thread and on the event loop
- :mod:`~projections.engines.session_locks`: what only one process has at a time
- :mod:`~projections.engines.types`: column types
- :mod:`~projections.engines.spelling`: expressions that are spelled differently
"""

from functools import cache

from sqlalchemy import URL

from projections.engines.backend import Backend, UnsupportedDatabase
from projections.engines.statements import AtOnce, Statements


def backend_of(url: URL) -> Backend:
    """Return the engine that a database URL names; its driver is loaded now.

    Raises:
        UnsupportedDatabase: this release does not speak it.
    """
    match url.get_backend_name():
        case "sqlite":
            from projections.engines.sqlite import Sqlite

            return Sqlite()
        case "postgresql":
            from projections.engines.postgresql import Postgresql

            return Postgresql()
        case other:
            raise UnsupportedDatabase(
                f'"{other}" is not supported; use sqlite:///path/to/file.db '
                "or postgresql+psycopg://user@host/database"
            )


@cache
def statements_of(dialect_name: str) -> Statements:
    """Return how the driver of a dialect is asked to run prepared statements."""
    if dialect_name == "postgresql":
        from projections.engines.pipeline import Pipelined

        return Pipelined()
    return AtOnce()
