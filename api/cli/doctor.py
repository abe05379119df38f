"""``rollbook doctor``: the settings that durability and order depend on, as they are in force."""

from collections.abc import Sequence

from api.composition import open_database
from api.settings import Settings
from projections.engines.backend import Finding
from projections.migration import newest_revision, present_revision


def examine(settings: Settings) -> Sequence[Finding]:
    """Return what the database says of itself, read back from it and not from its files.

    Raises:
        BadSetting: the URL cannot be used.
        Unavailable: the database cannot be reached.
    """
    database = open_database(settings)
    try:
        with database.reading() as connection:
            present, wanted = present_revision(connection), newest_revision()
            revision = Finding(
                "schema revision",
                present or "none",
                wanted,
                present == wanted,
                'run "rollbook migrate" with this release',
            )
            if present is None:
                return [revision]
            return [revision, *database.backend.examine(connection)]
    finally:
        database.close()
