"""``rollbook replay``: what comes back from the log."""

import typer

from api.cli.answers import AsJson, examples, show

app = typer.Typer(name="replay", help="Bring read models back from the log.", rich_markup_mode=None)


@app.callback()
def replay() -> None:
    """Bring read models back from the log."""


@app.command(epilog=examples("rollbook replay refill"))
def refill(*, as_json: AsJson = False) -> None:
    """Empty every read model and fill it again from the events.

    Readers see the old rows until the new ones stand; writes wait, and are told to come again when
    that takes longer than some seconds. Stop the service first where it matters.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from api.cli.acting import opened
    from replay.refill import refill as refill_read_models

    columns = ("events", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with opened() as service, shown:
        task = shown.add_task("events", total=None)

        def report(reached: int, newest: int) -> None:
            shown.update(task, completed=reached, total=newest)

        count = refill_read_models(
            service.database, service.registry, service.log.events, progress=report
        )
    show(
        {"events": count},
        f"The read models were filled again from {count} events.",
        as_json=as_json,
    )
