"""The rows of an auditor: a log of a million events, or a smaller one with `--quick`."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from .audit_following import measure_lag, measure_loss
from .audit_pages import measure_pages
from .audit_reading import measure_exports, measure_listing
from .audit_report import Audit
from .audit_states import measure_states
from .audit_store import Shape, Store, store_at
from .rounds import Scale

PARTS = ("pages", "states", "directory", "export", "followers", "writes")
FULL = (Shape(10_000, 500, 400), Shape(100_000, 5_000, 1_000), Shape(1_000_000, 50_000, 10_000))
QUICK = (Shape(4_000, 200, 100), Shape(8_000, 400, 100), Shape(20_000, 1_000, 500))
SHARES = (0.15, 0.99)
"""How far into the log the directory is looked at: where all have changed since, and lately."""
EXPORTED = 200_000
LAG_SECONDS, QUICK_LAG_SECONDS = 20.0, 3.0


def measure_audit(scale: Scale, folder: Path, parts: Sequence[str], *, quick: bool) -> Audit:
    """Measure the parts named; the stores lie in the folder, and are used again if they do."""
    shapes, measured = QUICK if quick else FULL, Audit()
    with ExitStack() as stack:

        def store(shape: Shape) -> Store:
            made = stack.enter_context(store_at(folder, shape))
            assert made is not None
            return made

        def pages() -> None:
            measured.pages = [measure_pages(store(shape)) for shape in (shapes[0], shapes[-1])]

        def states() -> None:
            measured.states = measure_states(store(shapes[-1]))

        def directory() -> None:
            measured.listings = [measure_listing(store(shapes[-1]), share) for share in SHARES]

        def export() -> None:
            small, large = store(shapes[1]), store(shapes[-1])
            measured.exports = measure_exports(large, EXPORTED, small)

        def followers() -> None:
            measured.lag = measure_lag(folder, QUICK_LAG_SECONDS if quick else LAG_SECONDS)

        def writes() -> None:
            measured.pair = measure_loss(scale, folder)

        every = (pages, states, directory, export, followers, writes)
        by_name: dict[str, Callable[[], None]] = dict(zip(PARTS, every, strict=True))
        for part in parts:
            by_name[part]()
    return measured
