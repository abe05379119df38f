"""``rollbook replay``: what comes back from the log, and how far it has come."""

from typing import TYPE_CHECKING

import typer

from api.cli import directories, histories, journal, past, rebuilds, restoring
from api.cli.answers import AsJson, examples, instant, say, show, table

if TYPE_CHECKING:
    from replay.status import ModelStatus

app = typer.Typer(name="replay", help="Bring read models back from the log.", rich_markup_mode=None)

app.add_typer(histories.app)  # no noun of its own


@app.callback()
def replay() -> None:
    """Bring read models back from the log."""


app.command(
    epilog=examples(
        "rollbook replay requests contoso --failed",
        "rollbook replay requests contoso --from 2026-03-03T12:00:00Z --json",
    )
)(journal.requests)


@app.command(epilog=examples("rollbook replay refill"))
def refill(*, as_json: AsJson = False) -> None:
    """Empty every read model and fill it again from the events.

    Readers see the old rows until the new ones stand; writes wait, and are told to come again when
    that takes longer than some seconds. Stop the service first where it matters.
    """
    from api.cli.acting import opened
    from api.cli.progress import slow_bar
    from replay.refill import refill as refill_read_models

    with opened() as service, slow_bar("events") as report:
        count = refill_read_models(
            service.database, service.registry, service.log.events, progress=report
        )
    show(
        {"events": count},
        f"The read models were filled again from {count} events.",
        as_json=as_json,
    )


@app.command(epilog=examples("rollbook replay status", "rollbook replay status --json"))
def status(*, as_json: AsJson = False) -> None:
    """Show how far every read model has come; exit 1 while something waits for an operator.

    The directory is written with every change and never lags. What follows the log may be some
    events behind; a server that runs takes them. A generation that is built anew has a row too.
    The rate is events a second.
    """
    from api.cli.acting import opened
    from api.operators.state import told
    from replay.status import read_model_status

    with opened() as service:
        found = read_model_status(service.database)
    if as_json:
        show([told(each) for each in found], as_json=True)
    else:
        table(_COLUMNS, [_row(each) for each in found])
        for each in found:
            if each.advice is not None:
                say(each.advice)
    if not all(each.healthy for each in found):
        raise typer.Exit(1)


_COLUMNS = (
    *("read model", "generation", "kind", "state", "position"),
    *("lag", "seconds", "rate", "parked", "stale", "moved"),
)


def _row(each: "ModelStatus") -> tuple[str, ...]:
    return (
        *(each.read_model, _numbered(each.generation), each.kind, each.state, str(each.position)),
        *(str(each.lag), f"{each.lag_seconds:.1f}", f"{each.rate:.1f}"),
        *(str(each.parked), str(each.stale), instant(each.moved_at) or "-"),
    )


def _numbered(generation: int) -> str:
    """Return a generation's number, and whether its tables are the spare ones (ADR 0021)."""
    return str(generation) if generation > 0 else f"{-generation} spare"


app.command(epilog=rebuilds.REBUILD)(rebuilds.rebuild)
app.command("switch-back", epilog=rebuilds.SWITCH_BACK)(rebuilds.switch_back)
app.command(epilog=rebuilds.DROP)(rebuilds.drop)
app.command("restore", epilog=restoring.EXAMPLES)(restoring.restore)
app.command("as-of", epilog=past.AS_OF)(past.as_of)
app.command("directory", epilog=directories.DIRECTORY)(directories.directory)
app.command("members", epilog=past.MEMBERS)(past.members)
app.command("verify", epilog=past.VERIFY)(past.verify)

parked = typer.Typer(
    name="parked", help="Events that a read model could not take.", rich_markup_mode=None
)
app.add_typer(parked, no_args_is_help=True)


@parked.command("list", epilog=examples("rollbook replay parked list"))
def list_parked(*, as_json: AsJson = False) -> None:
    """List the parked events in the order of the log, each with its error."""
    from api.cli.acting import opened
    from projections.followers.checkpoints import parked_of_all

    with opened() as service, service.database.reading() as connection:
        found = parked_of_all(connection)
    if as_json or not found:
        answer = [{**event._asdict(), "parked_at": instant(event.parked_at)} for event in found]
        show(answer, "Nothing is parked.", as_json=as_json)
        return
    table(
        ("read model", "generation", "position", "topic", "resource", "error"),
        [
            (
                event.read_model,
                _numbered(event.generation),
                str(event.position),
                event.topic,
                event.stream_id,
                event.error,
            )
            for event in found
        ],
    )


@parked.command("retry", epilog=examples("rollbook replay parked retry"))
def retry_parked(*, as_json: AsJson = False) -> None:
    """Take the parked events again, each resource's in its order; exit 1 while any is left.

    Run it after an upgrade that mends the read model.
    """
    from api.cli.acting import opened
    from projections.followers.generations import parking

    with opened() as service:
        log = service.log
        waiting = parking(log.database, log.registry, log.events, log.clock)
        retried = [each.retry_parked() for each in waiting]
    taken, left = sum(each.taken for each in retried), sum(each.left for each in retried)
    show(
        {"taken": taken, "left": left},
        f"{taken} parked events were taken, {left} are left.",
        as_json=as_json,
    )
    if left:
        raise typer.Exit(1)
