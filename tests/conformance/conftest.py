"""The realm and the client that the conformance tests of one file share."""

import pytest

from tests.scim import Scim
from tests.serving import ServedRealm


@pytest.fixture(scope="module")
def scim(module_realm: ServedRealm) -> Scim:
    return module_realm.scim()
