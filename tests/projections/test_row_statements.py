"""Rows written one by one, by the dozen and by the thousand: the same rows, on both engines."""

import pytest
from sqlalchemy import bindparam, select

from projections.prepared import Prepared
from projections.row_statements import NEW_ROWS_PER_STATEMENT, ROWS_PER_STATEMENT, inserting
from projections.tables import claims
from tests.houses import House

TAKE = inserting(claims)
KEYS = Prepared(
    select(claims.c.key, claims.c.owner)
    .where(claims.c.realm == bindparam("realm"))
    .order_by(claims.c.key)
)
MOST = NEW_ROWS_PER_STATEMENT


@pytest.mark.parametrize("count", [0, 1, 2, MOST - 1, MOST, MOST + 9, ROWS_PER_STATEMENT + 1])
def test_every_row_is_written_once_whatever_their_number(house: House, count: int) -> None:
    rows = [
        {"realm": "r", "kind": "k", "key": f"{number:05} \"ä'", "owner": f"o{number}"}
        for number in range(count)
    ]
    with house.database.writing() as connection, house.statements() as seen:
        TAKE.write(connection, rows)
        connection.commit()
    with house.database.reading() as connection:
        found = KEYS.rows(connection, {"realm": "r"})
    assert [tuple(each) for each in found] == [(row["key"], row["owner"]) for row in rows]
    assert len([s for s in seen if "claims" in s]) <= 1 + count // MOST
