"""A realm has one spelling (ABUSE C10); what looks like it is another address, or none."""

import pytest

from domain.handlers.realms import create_realm
from domain.refusals import InvalidValue, RealmNameTaken
from tests.abuse.evidence import Evidence
from tests.abuse.resources import assert_refused, user
from tests.engines import Engine
from tests.houses import OPERATOR, opened_house
from tests.scim import Scim
from tests.serving import RunningServer

NO_ADDRESS = [
    "abused%2f..%2fother",
    "other/../abused",
    "other/./../abused",
    "%2e%2e/abused",
    "..%2fabused",
    "abused%2f",
    "abused%5c",
    "abused;x",
    "abused;x=y",
    "abused%00",
    "abused\\",
    "abused/..",
    ".",
    "..",
]
"""Refused as they stand, before any route is looked for."""

NO_REALM = [
    "ABUSED",
    "Abused",
    "abuse%D0%B4",  # ends in a Cyrillic letter
    "%D0%B0bused",  # begins with the Cyrillic letter that looks like a
    "%EF%BD%81bused",  # a full-width a: NFKC would make it the realm's own
    "abused%20",
    "%20abused",
    "abused%0a",
    "abused%E2%80%8B",
    "abused.",
    "a" * 300,
    "a",
    "-abused",
    "master",
    "admin",
    "*",
    "%25",
]
"""Read, and not the name of any realm: the same answer as for any other unknown one."""


@pytest.mark.parametrize("slug", NO_ADDRESS)
def test_c10_a_path_that_could_be_read_twice_leads_nowhere(
    server: RunningServer, scim: Scim, evidence: Evidence, slug: str
) -> None:
    tricked = Scim(f"{server.url}/realms/{slug}/scim/v2", scim.token)
    with evidence.nothing_happens():
        for answer in (tricked.get("/Users"), tricked.post("/Users", user())):
            assert_refused(answer, 404)
            assert "www-authenticate" not in answer.headers, "it came as far as a route"


@pytest.mark.parametrize("slug", NO_REALM)
def test_c10_what_looks_like_a_realm_is_none(
    server: RunningServer, scim: Scim, evidence: Evidence, slug: str
) -> None:
    tricked = Scim(f"{server.url}/realms/{slug}/scim/v2", scim.token)
    with evidence.nothing_happens():
        for answer in (tricked.get("/Users"), tricked.post("/Users", user())):
            assert answer.status in (401, 404), answer
            assert_refused(answer, answer.status)


def test_c10_a_realm_is_compared_on_the_path_as_it_was_sent(
    server: RunningServer, scim: Scim, evidence: Evidence
) -> None:
    tricked = Scim(f"{server.url}/realms/%61bused/scim/v2", scim.token)
    with evidence.nothing_happens():
        assert_refused(tricked.get("/Users"), 404)


@pytest.mark.parametrize(
    "slug", ["A", "Acme", "a", "-acme", "acme/x", "acme.", "ac me", "\u0430cme", "..", "", "a" * 64]
)
def test_c10_no_realm_gets_a_name_that_could_be_mistaken(engine: Engine, slug: str) -> None:
    with opened_house(engine) as house:
        before = house.rows()
        with pytest.raises(InvalidValue):
            create_realm(OPERATOR, house.log, slug)
        with pytest.raises(RealmNameTaken):
            create_realm(OPERATOR, house.log, "acme")
        assert house.rows() == before
