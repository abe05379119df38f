"""``rollbook replay rebuild``, ``switch-back`` and ``drop``: a new shape for a read model."""

import gc
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.answers import AsJson, examples, say, show, table

if TYPE_CHECKING:
    from replay.rebuilding.rebuild import Outcome

REBUILD = examples(
    "rollbook replay rebuild directory",
    "rollbook replay rebuild --all",
    "rollbook replay rebuild --pending --wait",
    "rollbook replay rebuild directory --realm contoso",
    "rollbook replay rebuild directory --accept-differences --full",
)
SWITCH_BACK = examples("rollbook replay switch-back directory")
DROP = examples("rollbook replay drop directory")
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The read model; replay status lists them.")
]
_LONGEST = 60
_INTERRUPTED = 130


def rebuild(  # noqa: PLR0913  # the options of the command
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The read model to rebuild.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Rebuild every read model.")] = False,
    pending: Annotated[
        bool, typer.Option("--pending", help="Those of which a newer generation is known.")
    ] = False,
    realm: Annotated[
        str | None, typer.Option(help="Fill this realm first; switch when none is left.")
    ] = None,
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Switch although the two differ.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Compare every rendered document, not 1,000.")
    ] = False,
    list_: Annotated[
        int, typer.Option("--list", min=1, metavar="N", help="Differences to list.")
    ] = 20,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for processes that must be restarted first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill the next generation of a read model from the log, verify it, and switch to it.

    The service goes on. Where this release has no newer generation, the one that is read is built
    anew in spare tables: a repair. Interrupt it as you like: run again, it goes on. Differences
    from what is read now stop it before the switch, and it exits with 1.
    """
    from api.cli.acting import opened, realm_named
    from api.cli.rebuild_bar import rebuild_bar
    from api.composition import Service
    from replay.pending import pending_rebuilds
    from replay.rebuilding.rebuild import Outcome, Rebuild, Wishes

    if [name is not None, every, pending].count(True) != 1:
        raise typer.BadParameter("name one read model, or give --all or --pending")
    # Off for short commands; this one may take long. What was imported stays: to look at all of it
    # took 80 ms, in which a piece held the right to write (ADR 0021).
    gc.freeze()
    gc.enable()

    def run(service: Service, read_model: str, only: str | None) -> Outcome:
        wishes = Wishes(only, accept_differences, full, list_, wait)
        with rebuild_bar(read_model) as progress:
            return Rebuild(service.log, read_model, wishes, progress, _note).run()

    outcomes = []
    try:
        with opened() as service:
            only = None if realm is None else realm_named(service, realm).realm
            database, registry = service.database, service.registry
            names = [name] if name is not None else registry.read_models
            if pending:
                names = [each.read_model for each in pending_rebuilds(database, registry)]
            for read_model in names:
                outcomes.append(run(service, read_model, only))
                if not as_json:
                    _tell(outcomes[-1])
    except KeyboardInterrupt:
        _note("interrupted; what is filled stays: run the same command again, and it goes on")
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        show([_as_json(each) for each in outcomes], as_json=True)
    if any(each.state == "shadow" for each in outcomes):
        raise typer.Exit(1)


def switch_back(name: Name, *, as_json: AsJson = False) -> None:
    """Read again what was read before the last switch; no restart, nothing is lost.

    The retired generation was written all the while. It is "rollbook replay drop" that ends it.
    """
    from api.cli.acting import opened
    from replay.rebuilding.ends import switch_back as go_back

    with opened() as service:
        back = go_back(service.database, service.registry, name)
    show(
        {"read_model": name, "generation": back.number},
        f"{name} is read as before the last switch; what was read until now is retired.",
        as_json=as_json,
    )


def drop(name: Name, *, as_json: AsJson = False) -> None:
    """Drop every generation of a read model that is not read: the way back, or what was begun."""
    from api.cli.acting import opened
    from api.cli.rebuild_bar import rebuild_bar
    from replay.rebuilding.ends import drop_others

    with opened() as service, rebuild_bar(name) as progress:
        gone = drop_others(service.database, service.registry, name, progress)
    numbers = [each.number for each in gone]
    sentence = (
        f"{len(gone)} generations of {name} were dropped." if gone else "There is none to drop."
    )
    show({"read_model": name, "dropped": numbers}, sentence, as_json=as_json)


def _note(text: str) -> None:
    typer.echo(text, err=True)


def _as_json(outcome: "Outcome") -> dict[str, Any]:
    found = outcome.comparison
    return {
        "read_model": outcome.read_model,
        "generation": outcome.generation,
        "state": outcome.state,
        "differences": found.total if found else None,
        "listed": [each._asdict() for each in found.differences] if found else [],
        "compared": [
            {
                "realm": each.realm,
                "table": each.table,
                "old": each.old._asdict(),
                "new": each.new._asdict(),
            }
            for each in found.compared
        ]
        if found
        else [],
        "documents": found.documents if found else 0,
        "only_in_one": found.beyond if found else [],
        "parked": len(outcome.parked),
        "writers_held_ms": round(outcome.held_writers * 1_000, 1),
    }


def _tell(outcome: "Outcome") -> None:
    name, found = outcome.read_model, outcome.comparison
    if found is None:
        say(f"{name}: the realm is filled; others are left. Without --realm the rest follows.")
        return
    rows = sum(each.new.rows for each in found.compared)
    realms = len({each.realm for each in found.compared})
    say(
        f"{name}: {rows} rows of {realms} realms and {found.documents} documents compared,"
        f" {found.total} differences"
    )
    if found.beyond:
        say(f"{name}: only in one of the two: {', '.join(found.beyond)}")
    if found.differences:
        table(
            ("realm", "table", "resource", "column", "is read", "was built"),
            [
                (d.realm, d.table, d.resource, d.column, _short(d.old), _short(d.new))
                for d in found.differences
            ],
        )
    for parked in outcome.parked[:20]:
        what = f"{parked.topic} of {parked.stream_id}"
        say(f"{name}: parked at {parked.position}, {what}: {parked.error}")
    if outcome.state == "live":
        say(
            f"{name}: switched, writers waited {outcome.held_writers * 1_000:.0f} ms;"
            f' "rollbook replay switch-back {name}" goes back, "… drop {name}" ends that'
        )
    elif outcome.parked:
        say(
            f'{name}: not switched; "rollbook replay parked retry" takes them again once that is'
            f' mended, "… drop {name}" throws away what was built'
        )
    else:
        say(
            f'{name}: not switched; "--accept-differences" does so all the same,'
            f' "rollbook replay drop {name}" throws away what was built'
        )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
