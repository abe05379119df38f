"""A guarded application with realms in it, one for each file of tests that asks for it."""

from collections.abc import Iterator

import pytest

from tests.api.guarded import Guarded, Tenant, guarded_on
from tests.engines import Engine


@pytest.fixture(scope="module")
def application(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_on(engine, tmp_path_factory.mktemp("guarded")) as running:
        yield running


@pytest.fixture
def guarded(application: Guarded) -> Guarded:
    application.reset()
    return application


@pytest.fixture
def tenant(guarded: Guarded) -> Tenant:
    return guarded.tenant()
