"""Where the attacks take place: a realm of their own, a neighbour, and a server of two workers."""

from collections.abc import Iterator

import pytest

from tests.abuse.evidence import Evidence
from tests.engines import Engine
from tests.scim import Scim
from tests.serving import RunningServer, ServedRealm


@pytest.fixture(scope="session")
def abused_realm(server: RunningServer) -> ServedRealm:
    return server.create_realm("abused")


@pytest.fixture(scope="session")
def scim(abused_realm: ServedRealm) -> Scim:
    """A client of the realm under attack."""
    return abused_realm.scim()


@pytest.fixture(scope="session")
def neighbour(server: RunningServer) -> Scim:
    """A client of another realm of the same server."""
    return server.realms["other"].scim()


@pytest.fixture(scope="session")
def evidence(server: RunningServer, abused_realm: ServedRealm) -> Evidence:
    """The database of the server, seen from the realm under attack."""
    return Evidence(server.database_url, abused_realm.name)


@pytest.fixture(scope="session")
def two_workers(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server of two worker processes over one database, with the realm `acme`."""
    directory = tmp_path_factory.mktemp("two-workers")
    with (
        engine.empty() as url,
        RunningServer(directory, url, realms=("acme",), workers=2) as running,
    ):
        yield running
