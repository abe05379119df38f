"""Fixtures that run Rollbook for real, and the end of its log beside every test that fails."""

import itertools
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.postgresql import absence
from tests.postgresql.cluster import Cluster
from tests.serving import RunningServer, ServedRealm

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("rollbook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rollbook")

SpawnServer = Callable[..., RunningServer]
SpawnCluster = Callable[..., Cluster]

_realm_number = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for the whole run, with the realms `acme` and `other`."""
    with RunningServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def fresh_realm(server: RunningServer) -> ServedRealm:
    """A realm nobody has written to, for one test."""
    return server.create_realm(f"fresh-{next(_realm_number)}")


@pytest.fixture(scope="module")
def module_realm(server: RunningServer) -> ServedRealm:
    """A realm nobody has written to, shared by the tests of one file (about 2 s to make)."""
    return server.create_realm(f"module-{next(_realm_number)}")


@pytest.fixture
def spawn_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpawnServer]:
    """Start servers of the test's own, each with its own database: `spawn_server(workers=4)`.

    Takes the keyword arguments of RunningServer (`realms`, `workers`, `env`).
    """
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            RunningServer(tmp_path_factory.mktemp("spawned"), **options)
        )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """One PostgreSQL for the whole run, which waits for no disk; a test makes its own databases."""
    with ExitStack() as stack:
        with absence.skipping():
            cluster = stack.enter_context(Cluster())
        absence.note(cluster.binaries)
        yield cluster


@pytest.fixture
def spawn_cluster() -> Iterator[SpawnCluster]:
    """Start clusters of the test's own, to be stopped and killed: `spawn_cluster(durable=True)`.

    Takes the keyword arguments of Cluster (`durable`, `settings`, `binaries`).
    """
    with ExitStack() as stack:

        def spawn(**options: Any) -> Cluster:
            with absence.skipping():
                return stack.enter_context(Cluster(**options))

        yield spawn


def pytest_sessionfinish(session: pytest.Session) -> None:
    if absence.fails_the_run() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    absence.report(terminalreporter)


def pytest_configure() -> None:
    # A job that runs out of time ends with SIGTERM; unheard, it would leave the servers running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, RunningServer | Cluster):
                report.sections.append((f"log of {name}", value.log_tail()))
    return report
