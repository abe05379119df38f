"""Guessing at secrets is slowed down, and locks nobody out: ABUSE A3."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from api import throttle as throttle_module
from api.throttle import FailureThrottle, MonotonicWindows
from tests.api.guarded import PROXY, Guarded, Tenant, basic

GRANT = {"grant_type": "client_credentials"}


def _guess(guarded: Guarded, tenant: Tenant, client_id: str = "scim", **options: Any) -> int:
    header = {"Authorization": basic(f"{client_id}:wrong"), **options.pop("headers", {})}
    return int(guarded.post(tenant, "token", GRANT, header, **options).status_code)


def test_a3_the_eleventh_guess_of_a_minute_is_not_looked_at(
    guarded: Guarded, tenant: Tenant
) -> None:
    assert [_guess(guarded, tenant) for _ in range(10)] == [401] * 10
    guarded.pass_time(12.5)
    guarded.statements.clear()
    with capture_logs() as logs:
        answer = guarded.post(tenant, "token", GRANT)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "48"
    assert answer.headers["cache-control"] == "no-store"
    assert guarded.statements == []
    assert [entry["event"] for entry in logs] == ["auth.throttled"]
    assert tenant.secret not in str(logs)


def test_a3_a_right_secret_still_works_from_another_address(
    guarded: Guarded, tenant: Tenant
) -> None:
    for _ in range(11):
        _guess(guarded, tenant)
    assert guarded.post(tenant, "token", GRANT).status_code == 429
    assert guarded.post(tenant, "token", GRANT, peer="203.0.113.8").status_code == 200


def test_a3_the_address_is_the_one_a_trusted_proxy_names(guarded: Guarded, tenant: Tenant) -> None:
    guesser = {"X-Forwarded-For": "198.51.100.9"}
    for _ in range(10):
        assert _guess(guarded, tenant, headers=guesser, peer=PROXY) == 401
    own = {"Authorization": basic(f"scim:{tenant.secret}")}
    other = guarded.post(
        tenant, "token", GRANT, {**own, "X-Forwarded-For": "198.51.100.10"}, peer=PROXY
    )
    assert other.status_code == 200
    assert _guess(guarded, tenant, headers=guesser, peer=PROXY) == 429


def test_a3_a_forged_header_does_not_start_a_new_count(guarded: Guarded, tenant: Tenant) -> None:
    statuses = [
        _guess(guarded, tenant, headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(11)
    ]
    assert statuses == [401] * 10 + [429]


def test_a3_thirty_failures_from_one_address_are_enough(guarded: Guarded, tenant: Tenant) -> None:
    statuses = [_guess(guarded, tenant, f"client-{number}") for number in range(31)]
    assert statuses == [401] * 30 + [429]
    assert guarded.post(tenant, "token", GRANT).status_code == 429


def test_a3_successes_do_not_count(guarded: Guarded, tenant: Tenant) -> None:
    assert {guarded.post(tenant, "token", GRANT).status_code for _ in range(40)} == {200}


def test_a3_a_minute_later_everything_is_as_before(guarded: Guarded, tenant: Tenant) -> None:
    for _ in range(10):
        _guess(guarded, tenant)
    guarded.pass_time(59)
    assert guarded.post(tenant, "token", GRANT).status_code == 429
    guarded.pass_time(1)
    assert guarded.post(tenant, "token", GRANT).status_code == 200


def test_a3_refused_attempts_do_not_prolong_the_minute(guarded: Guarded, tenant: Tenant) -> None:
    for _ in range(10):
        _guess(guarded, tenant)
    statuses = []
    for _ in range(6):
        guarded.pass_time(10)
        statuses.append(_guess(guarded, tenant))
    assert statuses == [429] * 5 + [401]


def test_a3_setting_the_wall_clock_changes_nothing(guarded: Guarded, tenant: Tenant) -> None:
    for _ in range(10):
        _guess(guarded, tenant)
    guarded.wall += 3_600_000_000
    assert _guess(guarded, tenant) == 429


def test_a3_other_realms_and_clients_are_not_held_up(guarded: Guarded, tenant: Tenant) -> None:
    for _ in range(11):
        _guess(guarded, tenant)
    assert guarded.post(guarded.tenant(), "token", GRANT).status_code == 200


def test_a3_without_the_throttle_guessing_goes_on(
    guarded: Guarded, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin."""
    monkeypatch.setattr(FailureThrottle, "wait", lambda *_: 0)
    assert {_guess(guarded, tenant) for _ in range(50)} == {401}


def test_a3_the_windows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle_module, "MAX_WINDOWS", 50)
    windows = MonotonicWindows(clock=lambda: 0.0)
    for number in range(500):
        assert windows.acquire_entry(f"key-{number}", 10, 60)
    assert windows.reset() == 50


def test_a3_a_window_in_use_outlives_idle_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle_module, "MAX_WINDOWS", 3)
    windows = MonotonicWindows(clock=lambda: 0.0)
    for number in range(5):
        windows.acquire_entry("guessed-at", 10, 60)
        windows.acquire_entry(f"idle-{number}", 10, 60)
    assert windows.get_moving_window("guessed-at", 10, 60)[1] == 5
