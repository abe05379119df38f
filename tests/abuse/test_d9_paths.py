"""A PATCH path may spell what no document may hold (ABUSE D9)."""

import pytest

from tests.abuse.evidence import Evidence
from tests.abuse.resources import assert_refused, created, patch, user
from tests.scim import Scim


@pytest.mark.parametrize("literal", ['"\\ud800"', '"a\\udfffb"', '"\\udc00\\ud800"'])
def test_d9_a_lone_surrogate_in_a_path_is_refused(
    scim: Scim, evidence: Evidence, literal: str
) -> None:
    made = created(scim, user())
    with evidence.nothing_happens():
        for operator in ("eq", "sw"):
            path = f"emails[type {operator} {literal}].value"
            operation = {"op": "replace", "path": path, "value": "x@abuse.example"}
            answer = scim.patch(f"/Users/{made['id']}", patch(operation))
            assert_refused(answer, 400, "invalidPath")
