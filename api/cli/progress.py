"""A bar on standard error, for commands that may take long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

PATIENCE_SECONDS = 1.0
"""What is over sooner shows nothing."""
Report = Callable[[int, int], None]
"""Called with what is done and all there is to do."""


@contextmanager
def slow_bar(
    noun: str, *, console: Console | None = None, after: float = PATIENCE_SECONDS
) -> Iterator[Report]:
    """Show how far the block is, once it has taken ``after`` seconds; only on a terminal."""
    console = console or Console(stderr=True)
    columns = (TextColumn(noun), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(noun, total=None)
    timer = Timer(after, bar.start)
    timer.daemon = True
    if console.is_terminal:
        timer.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        if console.is_terminal:
            timer.join()
        if bar.live.is_started:  # stopping what was never shown would print a line break
            bar.stop()
