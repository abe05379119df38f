"""A fresh database for each test of the projections."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded import Embedded, embedded


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Embedded]:
    """Two realms, `acme` and `other`, with nothing in them."""
    with embedded(tmp_path, slugs=("acme", "other")) as opened:
        yield opened
