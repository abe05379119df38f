"""``rollbook`` and the commands that have no noun: serve, migrate, quickstart."""

from typing import Annotated

import typer

from api.cli import backups, clients, realms, replays, secrets, tokens
from api.cli.answers import AsJson, examples, say, show, table

app = typer.Typer(
    name="rollbook",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: the same on a terminal, in a file and in a log
)
for group in (realms, clients, secrets, tokens, replays):
    app.add_typer(group.app, no_args_is_help=True)
app.add_typer(backups.app)  # no noun: its commands are rollbook's own

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 takes a free one.")]


def _show_version(asked: bool) -> None:  # noqa: FBT001  # Typer's callback
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            say(f"rollbook {version('rollbook')}")
        except PackageNotFoundError:
            say("rollbook, not installed: run from its source tree")
        raise typer.Exit


@app.callback()
def rollbook(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version."),
    ] = False,
) -> None:
    """Rollbook: a SCIM 2.0 service provider whose truth is an event log.

    Settings are read from the environment (ROLLBOOK_DATABASE_URL, ROLLBOOK_PUBLIC_URL, …); see
    docs/operate.md.
    """


@app.command(
    epilog=examples(
        "rollbook serve",
        "ROLLBOOK_PUBLIC_URL=https://scim.example.com rollbook serve --workers 4",
        "rollbook serve --auto-rebuild",
    )
)
def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that serve.")] = 1,
    auto_rebuild: Annotated[
        bool,
        typer.Option("--auto-rebuild", help="Rebuild read models of a newer shape meanwhile."),
    ] = False,
) -> None:
    """Serve SCIM until told to stop.

    A SQLite file that does not exist yet is made first; no other database is changed. A read model
    of which this release knows a newer shape is served in the old one until it is rebuilt.
    """
    from api.cli.acting import opened
    from api.cli.expiry import log_expiring
    from api.cli.listening import listening
    from api.cli.pending import rebuilding_beside, tell_pending
    from api.cli.serving import serve_on

    with listening(host, port) as sockets:
        with opened() as service:
            log_expiring(service)
            pending = tell_pending(service)
        with rebuilding_beside(wanted=auto_rebuild and pending):
            serve_on(sockets, workers=workers)


@app.command(epilog=examples("rollbook migrate"))
def migrate(*, as_json: AsJson = False) -> None:
    """Bring the database to this release.

    Safe to run twice, and from two processes at once. Back the database up first.
    """
    from api.cli.acting import opened
    from projections.migration import newest_revision

    with opened(may_migrate=True):
        revision = newest_revision()
    show(
        {"revision": revision},
        f"The database is at revision {revision}.",
        as_json=as_json,
    )


@app.command(epilog=examples("rollbook doctor", "rollbook doctor --json"))
def doctor(*, as_json: AsJson = False) -> None:
    """Read back the settings that durability and order depend on; exit 1 where one is wrong."""
    from api.cli.doctor import examine
    from api.settings import read_settings

    found = examine(read_settings())
    if as_json:
        show([each._asdict() for each in found], as_json=True)
    else:
        rows = [(f.setting, f.value, f.wanted, "ok" if f.ok else "WRONG") for f in found]
        table(("setting", "value", "wanted", ""), rows)
        for wrong in (each for each in found if not each.ok):
            say(f"{wrong.setting}: {wrong.advice or 'set by this release; report it as a defect'}")
    if not all(each.ok for each in found):
        raise typer.Exit(1)


@app.command(epilog=examples("rollbook quickstart", "rollbook quickstart --port 8080"))
def quickstart(*, host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Make a realm "demo" to try, and serve.

    The first start prints everything to paste; later ones keep the data.
    """
    from api.cli.acting import opened
    from api.cli.expiry import log_expiring
    from api.cli.listening import listening
    from api.cli.quickstart import introduce
    from api.cli.serving import serve_on

    with listening(host, port) as sockets:
        with opened(may_migrate=True) as service:
            for line in introduce(service, sockets.url):
                say(line)
            log_expiring(service)
        serve_on(sockets, workers=1)
