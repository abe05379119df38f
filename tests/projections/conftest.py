"""A fresh database for each test of the projections."""

from collections.abc import Iterator

import pytest

from tests.engines import Engine
from tests.houses import House, opened_house


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    """Two realms, `acme` and `other`, with nothing in them."""
    with opened_house(engine, slugs=("acme", "other")) as opened:
        yield opened
