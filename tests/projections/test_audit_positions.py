"""Events of the audit log are looked up by an index: the cost follows what is asked for."""

import pytest

from projections.audit.g1 import AuditG1
from projections.audit.positions import _Shape, _statement
from tests.engines import only_on
from tests.houses import House

BY_RESOURCE = "audit_g1_by_resource (realm=? AND resource_id=? AND action=?"
BY_ACTOR = "audit_g1_by_actor (realm=? AND actor_id=? AND action=?"
BY_REQUEST = "audit_g1_by_correlation (realm=? AND correlation_id=?"
ATTRIBUTE = "(realm=? AND attribute=? AND action=?"
CHANGED = f"attributes_g1 USING PRIMARY KEY {ATTRIBUTE} AND position=?)"
OF_NOTHING = dict.fromkeys(("resource", "actor", "attribute", "correlation"), False)


@only_on("sqlite", "the plan of another engine depends on how many rows there are")
@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"topics": None}, ["sqlite_autoindex_audit_g1_1 (realm=? AND position>?"]),
        ({}, ["audit_g1_by_action (realm=? AND action=?"]),
        ({"resource": True}, [BY_RESOURCE]),
        ({"actor": True}, [BY_ACTOR]),
        ({"resource": True, "actor": True}, [f"COVERING INDEX {BY_RESOURCE}"]),
        ({"attribute": True}, [ATTRIBUTE]),
        ({"attribute": True, "actor": True}, ["by_actor (realm=? AND actor_id=? AND attribute=?"]),
        ({"attribute": True, "resource": True}, [BY_RESOURCE, CHANGED]),
        ({"attribute": True, "resource": True, "actor": True}, [BY_RESOURCE, CHANGED]),
        ({"correlation": True}, [BY_REQUEST]),
        ({"correlation": True, "attribute": True, "resource": True}, [BY_REQUEST, CHANGED]),
    ],
)
def test_events_are_found_by_an_index(
    house: House, asked: dict[str, bool], wanted: list[str]
) -> None:
    shape = _Shape(**{**OF_NOTHING, "topics": 2, **asked})  # type: ignore[arg-type]  # each its own
    with house.database.migrating() as connection:
        AuditG1.metadata.create_all(connection)
        compiled = _statement(shape).statement.compile(connection)  # type: ignore[attr-defined]
        nothing = dict.fromkeys(compiled.params)
        bound = tuple(nothing[name] for name in compiled.positiontup)
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", bound).all()
    steps = "\n".join(str(row[3]) for row in rows)
    assert all(step in steps for step in wanted), steps
    assert "SCAN audit" not in steps


@pytest.mark.parametrize("attribute", [False, True])
def test_an_actor_beside_a_resource_is_no_reason_to_take_the_actors_index(
    *, attribute: bool
) -> None:
    """Whatever a server's statistics say of actors: the condition is one that no index answers."""
    shape = _Shape(resource=True, actor=True, attribute=attribute, correlation=False, topics=1)
    asked = str(_statement(shape).statement)
    assert "actor_id ||" in asked
    assert "actor_id = " not in asked
