"""``rollbook backup`` and ``rollbook restore``: copies of an embedded database."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.cli.answers import AsJson, examples, show

app = typer.Typer(rich_markup_mode=None)

_ASKED_TO_STOP = 128 + signal.SIGTERM


@app.command(
    epilog=examples(
        "rollbook backup /srv/backups/rollbook.db",
        "rollbook backup latest.db --force --json",
    )
)
def backup(
    file: Annotated[Path, typer.Argument(help="The backup to make; its folder must exist.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier backup.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the SQLite database while it is served.

    The copy is checked before it gets its name. The key file is not in it.
    """
    from api.cli.progress import slow_bar
    from api.composition import embedded_file, key_path
    from api.settings import read_settings
    from projections.backup.taking import back_up

    settings = read_settings()
    database, _ = embedded_file(settings)
    with stopped_cleanly(), slow_bar("backup") as report:
        try:
            contents = back_up(database, file, replace=force, progress=report)
        finally:
            database.close()
    size, key_file = file.stat().st_size, key_path(settings, database)
    show(
        {"file": str(file), "bytes": size, **contents._asdict(), "key_file": str(key_file)},
        f"{file} holds {contents.events} events, the last at position "
        f"{contents.last_position} ({size:,} bytes, revision {contents.revision}).",
        f"The key file {key_file} (ROLLBOOK_KEY_FILE) is not in it: keep a copy of it somewhere "
        "else. Without it every token and secret is refused.",
        as_json=as_json,
    )


@app.command(
    epilog=examples(
        "rollbook restore /srv/backups/rollbook.db",
        "rollbook restore latest.db --force --json",
    )
)
def restore(
    file: Annotated[Path, typer.Argument(help='What "rollbook backup" has made.')],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the database; it is kept under another name.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the SQLite database.

    Stop the service first, and run it as the user who serves.
    """
    from api.cli.failures import line_of
    from api.cli.progress import slow_bar
    from api.composition import check_key_file, embedded_file
    from api.settings import read_settings
    from projections.backup.restoring import restore as put_back
    from projections.credentials import WrongKey
    from projections.migration import newest_revision

    settings = read_settings()
    database, target = embedded_file(settings)
    with stopped_cleanly(), slow_bar("restore") as report:
        contents, kept = put_back(file, target, replace=force, progress=report)
    key_fits = True
    try:
        check_key_file(settings, database)
    except WrongKey as error:
        key_fits = False
        warning = f"rollbook: warning: {line_of(error)}; until then nothing is served\n"
        sys.stderr.write(warning)
    finally:
        database.close()
    behind = contents.revision != newest_revision()
    show(
        {
            "database": str(target),
            "kept": None if kept is None else str(kept),
            **contents._asdict(),
            "needs_migration": behind,
            "key_fits": key_fits,
        },
        f"{target} holds {contents.events} events, the last at position "
        f"{contents.last_position} (revision {contents.revision}).",
        *([] if kept is None else [f"The database that was there is kept as {kept}."]),
        *(['It is of an older release: run "rollbook migrate" next.'] if behind else []),
        as_json=as_json,
    )


@contextmanager
def stopped_cleanly() -> Iterator[None]:
    """Let SIGTERM end the block as an error does, so that nothing is left behind."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_ASKED_TO_STOP))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
