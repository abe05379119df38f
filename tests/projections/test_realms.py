"""Realms and clients as rows: what a fold of their events says (ADR 0007)."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.handlers.realms import change_realm, create_realm
from domain.realm import Realm
from domain.refusals import NoSuchRealm, RealmNameTaken, Refusal
from projections.realms import RealmRow, get_realm, list_realms
from tests.houses import OPERATOR, House

names = st.sampled_from(["one", "two"])
decisions: st.SearchStrategy[tuple[str, str]] = st.tuples(
    st.sampled_from(["add_client", "disable_client", "enable_client", "suspend", "resume"]), names
)


def decide(realm: Realm, what: str, client: str) -> Any:
    if what == "add_client":
        return realm.add_client(client, ("scim.read", "audit.read"))
    if what in ("suspend", "resume"):
        return getattr(realm, what)()
    return getattr(realm, what)(client)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(decisions, max_size=8))
def test_the_rows_are_the_fold_of_the_events(house: House, steps: list[tuple[str, str]]) -> None:
    slug = f"r{UUID(house.log.new_id()).hex}"
    realm, _ = create_realm(OPERATOR, house.log, slug, unique_group_names=bool(len(steps) % 2))
    cause = replace(house.cause(), realm=realm)
    for what, client in steps:
        try:
            change_realm(cause, house.log, lambda r, w=what, c=client: decide(r, w, c))  # type: ignore[misc]
        except Refusal:
            continue
    state, rows = house.log.realm(realm).state, house.rows()
    first = next(r for r in house.events() if r.stream_id == realm)
    expected = RealmRow(realm, slug, state.suspended, state.unique_group_names, first.recorded_at)
    with house.database.reading() as connection:
        assert get_realm(connection, slug) == expected
        assert expected in list_realms(connection)
    assert {row[1]: row[2:] for row in rows["clients"] if row[0] == realm} == {
        name: (" ".join(client.scopes), client.enabled) for name, client in state.clients.items()
    }


def test_the_name_of_a_realm_is_taken_once(house: House) -> None:
    before = house.rows()
    with pytest.raises(RealmNameTaken, match="acme"):
        create_realm(OPERATOR, house.log, "acme")
    assert house.rows() == before


def test_an_unknown_realm_is_named(house: House) -> None:
    with house.database.reading() as connection, pytest.raises(NoSuchRealm, match="nowhere"):
        get_realm(connection, "nowhere")
