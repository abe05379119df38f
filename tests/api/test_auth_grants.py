"""How a token is found: by its keyed hash, in one statement, in its own realm only."""

import hmac
import re
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from sqlalchemy import insert, select, update

from api.grants import BEARER_KINDS, CACHE_SECONDS, GrantCache, bearer_grant
from api.offload import Workers
from domain.credentials import CredentialKind, new_credential
from projections.credentials import Grant, find_grant
from projections.tables import credentials, events, realms
from tests.api.guarded import Guarded, Tenant, guarded_on
from tests.engines import Engine, only_on


@pytest.fixture
def guarded(engine: Engine, tmp_path: Path) -> Iterator[Guarded]:
    with guarded_on(engine, tmp_path) as running:
        yield running


@pytest.fixture
def tenant(guarded: Guarded) -> Tenant:
    return guarded.tenant()


def _grant(credential_id: str = "1", expires_at: int | None = None) -> Grant:
    return Grant("realm", "scim", credential_id, frozenset({"scim.read"}), expires_at)


def _find(guarded: Guarded, slug: str, token: str) -> Grant | None:
    digest = guarded.service.key.digest(token)
    with guarded.service.database.reading() as connection:
        return find_grant(connection, slug, digest, BEARER_KINDS, guarded.wall)


@only_on("sqlite", "it explains itself in its own words")
def test_b8_a_token_is_found_through_indexes_alone(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    guarded.statements.clear()
    assert _find(guarded, tenant.slug, token) is not None
    (statement,) = [s for s in guarded.statements if "SELECT" in s]
    assert token not in statement
    values = (tenant.slug, guarded.service.key.digest(token))
    with guarded.service.database.reading() as connection:
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", (0, 0, 1, *values)[-statement.count("?") :]
        )
        steps = [row.detail for row in plan]
    assert not [step for step in steps if step.startswith("SCAN")], steps
    assert any("credentials_hash" in s or "sqlite_autoindex_credentials" in s for s in steps), steps


@only_on("postgresql", "it explains itself in its own words")
def test_b8_a_token_is_found_through_indexes_of_postgresql_alone(
    guarded: Guarded, tenant: Tenant
) -> None:
    _, token = guarded.pasted_token(tenant)
    guarded.statements.clear()
    assert _find(guarded, tenant.slug, token) is not None
    (statement,) = [s for s in guarded.statements if "SELECT" in s]
    assert token not in statement
    names = dict.fromkeys(re.findall(r"%\((\w+)\)s", statement), "1")
    with guarded.service.database.writing() as connection:
        own = connection.execute(select(credentials)).mappings().first()
        crowd = [{**(own or {}), "credential_id": f"{n}", "hash": f"{n:064}"} for n in range(1_000)]
        connection.execute(insert(credentials), crowd)
        connection.exec_driver_sql("ANALYZE")
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", names).scalars().all()
    text = "\n".join(plan)
    assert "credentials_hash" in text
    assert "Seq Scan on credentials" not in text


def test_b8_what_the_index_found_is_compared_in_constant_time(
    guarded: Guarded, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = guarded.pasted_token(tenant)
    assert _find(guarded, tenant.slug, token) is not None
    # The twin: a comparison that says no. If nothing compared, the token would still be found.
    monkeypatch.setattr(hmac, "compare_digest", lambda _a, _b: False)
    assert _find(guarded, tenant.slug, token) is None


def test_b8_no_token_stands_in_the_database(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    access = guarded.access_token(tenant)
    with guarded.service.database.reading() as connection:
        rows = str(connection.execute(select(credentials)).all())
        states = b"".join(connection.scalars(select(events.c.state))).decode()
    for secret in (token, access, tenant.secret):
        assert secret[4:20] not in rows + states
        digest = guarded.service.key.digest(secret)
        assert digest in rows
        assert digest not in states


def test_b12_a_token_is_bound_to_the_realm_and_not_to_its_name(
    guarded: Guarded, tenant: Tenant
) -> None:
    """As if the realm had been removed and its name given to a new one."""
    _, token = guarded.pasted_token(tenant)
    assert _find(guarded, tenant.slug, token) is not None
    with guarded.service.database.writing() as connection:
        connection.execute(
            update(realms).where(realms.c.realm == tenant.id).values(slug="former-name")
        )
        connection.execute(
            insert(realms).values(
                realm=guarded.service.log.new_id(),
                slug=tenant.slug,
                suspended=False,
                unique_group_names=True,
                registered_at=guarded.wall,
            )
        )
        connection.commit()
    assert _find(guarded, tenant.slug, token) is None
    assert _find(guarded, "former-name", token) is not None


def test_b12_the_same_hash_in_two_realms_opens_each_with_its_own_row(guarded: Guarded) -> None:
    one, other = guarded.tenant(), guarded.tenant()
    _, token = guarded.pasted_token(one)
    with guarded.service.database.writing() as connection:
        row = connection.execute(
            credentials.select().where(credentials.c.hash == guarded.service.key.digest(token))
        ).one()
        moved = {**row._asdict(), "realm": other.id, "credential_id": "other"}
        connection.execute(insert(credentials).values(moved))
        connection.commit()
    found = _find(guarded, other.slug, token)
    assert found is not None
    assert (found.realm, found.credential_id) == (other.id, "other")


def _bearer_grant(guarded: Guarded, cache: GrantCache, slug: str, token: str) -> Grant | None:
    workers = Workers(guarded.service.database)
    return anyio.run(bearer_grant, guarded.service, cache, workers, slug, token)


def test_a_second_use_within_the_second_asks_no_database(guarded: Guarded, tenant: Tenant) -> None:
    _, token = guarded.pasted_token(tenant)
    cache = GrantCache(clock=lambda: guarded.monotonic)
    first = _bearer_grant(guarded, cache, tenant.slug, token)
    assert first is not None
    guarded.statements.clear()
    assert _bearer_grant(guarded, cache, tenant.slug, token) == first
    assert guarded.statements == []


def test_an_unknown_token_is_asked_for_each_time(guarded: Guarded, tenant: Tenant) -> None:
    cache = GrantCache(clock=lambda: guarded.monotonic)
    text = new_credential(CredentialKind.ACCESS)
    assert _bearer_grant(guarded, cache, tenant.slug, text) is None
    assert len(cache) == 0


def test_the_cache_counts_from_before_the_statement_began() -> None:
    """Else a token revoked while its statement ran would live longer than the second."""
    now = 10.0
    cache = GrantCache(clock=lambda: now)
    cache.keep(("acme", "hash"), _grant(), read_at=now - CACHE_SECONDS)
    assert cache.get(("acme", "hash")) is None


def test_the_cache_is_bounded_and_the_oldest_goes_first() -> None:
    cache = GrantCache(clock=lambda: 0.0, size=3)
    for number in range(5):
        cache.keep(("acme", str(number)), _grant(str(number)), read_at=0.0)
    assert len(cache) == 3
    assert [cache.get(("acme", str(n))) is None for n in range(5)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_forgotten_credential_is_read_anew() -> None:
    cache = GrantCache(clock=lambda: 0.0)
    cache.keep(("acme", "a"), _grant("1"), read_at=0.0)
    cache.keep(("acme", "b"), _grant("2"), read_at=0.0)
    cache.forget("1")
    assert cache.get(("acme", "a")) is None
    assert cache.get(("acme", "b")) is not None
