"""Spans are looked up by an index: the cost follows the group or the member, not the realm."""

import pytest
from sqlalchemy import Select, text

from projections.spans.g1 import _GROUPS_AT, _MEMBERS_AT
from tests.engines import only_on
from tests.houses import House


@only_on("sqlite", "the plan of another engine depends on how many rows there are")
@pytest.mark.parametrize(
    ("statement", "bound", "wanted"),
    [
        (_GROUPS_AT, "member", "member_spans_g1_by_member (realm=? AND member_id=?"),
        (_MEMBERS_AT, "group", "sqlite_autoindex_member_spans_g1_1 (realm=? AND group_id=?"),
    ],
    ids=["groups of a member", "members of a group"],
)
def test_spans_are_found_by_an_index(
    house: House, statement: Select[tuple[object, ...]], bound: str, wanted: str
) -> None:
    asked = statement.params(realm="r", at=1, **{bound: "x"})
    with house.database.reading() as connection:
        compiled = asked.compile(connection, compile_kwargs={"literal_binds": True})
        steps = connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}")).all()
    assert any(wanted in str(step[3]) for step in steps), steps
