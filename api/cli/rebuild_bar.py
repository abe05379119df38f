"""The bar of a rebuild: what it does, how fast, where in the log, how much longer."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from replay.rebuilding.progress import Progress as Watch
from replay.rebuilding.progress import Reached


@contextmanager
def rebuild_bar(read_model: str, *, console: Console | None = None) -> Iterator[Watch]:
    """Show where a rebuild of a read model stands, on a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[place]}"),
        TimeRemainingColumn(),
        console=console or Console(stderr=True),
        transient=True,
        disable=not (console or Console(stderr=True)).is_terminal,
    )
    tasks = dict[str, TaskID]()

    def show(moment: Reached) -> None:
        if moment.doing not in tasks:
            for task in tasks.values():
                bar.update(task, visible=False)
            text = f"{moment.doing} {read_model}"
            tasks[moment.doing] = bar.add_task(text, total=None, rate="", place="")
        task = tasks[moment.doing]
        speed = bar.tasks[bar.task_ids.index(task)].speed
        bar.update(
            task,
            completed=moment.done,
            total=moment.total,
            rate=f"{speed:,.0f}/s" if speed else "",
            place=f"position {moment.position:,}" if moment.position else "",
        )

    with bar:
        yield show
