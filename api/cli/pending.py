"""What ``rollbook serve`` says, and does, about read models of which it knows a newer shape."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from api.cli.answers import say
from api.composition import Service
from replay.pending import pending_rebuilds


def tell_pending(service: Service) -> bool:
    """Say which read models wait for a rebuild; return whether any does."""
    pending = pending_rebuilds(service.database, service.registry)
    for each in pending:
        name = each.read_model
        say(
            f"{name} is read in generation {each.live}, this release knows {each.newest}:"
            f' "rollbook replay rebuild {name}" builds it while this goes on'
        )
    return bool(pending)


@contextmanager
def rebuilding_beside(*, wanted: bool) -> Iterator[None]:
    """Rebuild what is pending, in a process of its own, while the block runs.

    In this one it would take turns with the requests. Another host may be at it already, or still
    run a release that must be restarted first: it waits for those, and what it finds done is done.
    """
    if not wanted:
        yield
        return
    process = subprocess.Popen([sys.executable, "-m", "api.cli", *_REBUILD])  # noqa: S603  # ours
    try:
        yield
    finally:
        process.terminate()  # what it filled stays; the next start goes on
        process.wait()


_REBUILD = ("replay", "rebuild", "--pending", "--wait")
