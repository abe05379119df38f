"""What a run of the tests makes of a machine without PostgreSQL: a skip that nobody overlooks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.postgresql.binaries import Binaries, NoPostgreSQL

REQUIRE = "ROLLBOOK_REQUIRE_POSTGRESQL"

# One entry a run; the hooks of pytest that read them are called when every test is over.
_reasons: list[str] = []
_tested: list[Binaries] = []


@contextmanager
def skipping() -> Iterator[None]:
    """Skip the test where NoPostgreSQL is raised inside; the summary will give its reason."""
    try:
        yield
    except NoPostgreSQL as absent:
        _reasons.append(str(absent))
        pytest.skip(f"PostgreSQL: {absent}")


def note(binaries: Binaries) -> None:
    """Remember for the summary which PostgreSQL the tests met."""
    _tested.append(binaries)


def fails_the_run() -> bool:
    """Whether a test was skipped in a run that must not: ROLLBOOK_REQUIRE_POSTGRESQL=1, CI=true."""
    required = os.environ.get(REQUIRE) == "1" or os.environ.get("CI") == "true"
    return required and bool(_reasons)


def report(terminal: pytest.TerminalReporter) -> None:
    """One line on what was tested, or why not."""
    for binaries in _tested[:1]:
        terminal.write_line(f"PostgreSQL tested: {binaries}")
    for reason in _reasons[:1]:
        terminal.write_line(f"PostgreSQL was NOT tested: {reason}", red=True, bold=True)
        if fails_the_run():
            terminal.write_line(f"This run fails: {REQUIRE}=1 or CI=true.", red=True, bold=True)
