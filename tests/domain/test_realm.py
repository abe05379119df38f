"""The Realm aggregate: who could write, and when (ADR 0007)."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from domain.events import Event
from domain.guard import Guard
from domain.realm import Client, Realm
from domain.refusals import InvalidValue, NoSuchCredential, RealmSuspended
from tests.domain.scenario import given

ACME = Realm.Registered("acme", unique_group_names=True)
SCIM = Realm.ClientAdded("scim", ("scim.read", "scim.write"))
SECRET = Realm.SecretIssued("scim", "s1")
TOKEN = Realm.TokenIssued("scim", "t1", ("scim.read",), 9)


@pytest.mark.parametrize("slug", ["ab", "a0", "0-a", "a" * 63, "acme-2"])
def test_a_slug_of_2_to_63_letters_digits_and_hyphens_is_a_name(slug: str) -> None:
    decided = given().when(lambda _: Realm.register(slug, unique_group_names=False))
    decided.then(Realm.Registered(slug, unique_group_names=False))


@pytest.mark.parametrize(
    "slug", ["", "a", "A1", "-ab", "a b", "a/b", "a.b", "..", "ä1", "a" * 64, "acme\n", "a%2f"]
)
def test_c10_any_other_slug_is_refused(slug: str) -> None:
    decided = given().when(lambda _: Realm.register(slug, unique_group_names=True))
    decided.refused(InvalidValue, saying="realm")


@pytest.mark.parametrize(
    ("history", "decide", "expected"),
    [
        ([], lambda r: r.suspend(), [Realm.Suspended()]),
        ([Realm.Suspended()], lambda r: r.suspend(), []),
        ([Realm.Suspended()], lambda r: r.resume(), [Realm.Resumed()]),
        ([], lambda r: r.resume(), []),
        ([SCIM], lambda r: r.disable_client("scim"), [Realm.ClientDisabled("scim")]),
        ([SCIM, Realm.ClientDisabled("scim")], lambda r: r.disable_client("scim"), []),
        ([SCIM], lambda r: r.enable_client("scim"), []),
        (
            [SCIM, Realm.ClientDisabled("scim")],
            lambda r: r.enable_client("scim"),
            [Realm.ClientEnabled("scim")],
        ),
        ([SCIM], lambda r: r.issue_secret("scim", "s1"), [SECRET]),
        ([SCIM, SECRET], lambda r: r.retire_secret("s1"), [Realm.SecretRetired("scim", "s1")]),
        ([SCIM], lambda r: r.issue_token("scim", "t1", ("scim.read",), 9), [TOKEN]),
        ([SCIM, TOKEN], lambda r: r.revoke_token("t1"), [Realm.TokenRevoked("scim", "t1")]),
        ([], lambda r: r.add_client("scim", ("scim.read", "scim.write")), [SCIM]),
    ],
)
def test_a_decision_records_what_it_changes_and_nothing_twice(
    history: Sequence[Event], decide: Callable[[Any], Sequence[Event]], expected: Sequence[Event]
) -> None:
    given(ACME, *history).when(decide).then(*expected)


@pytest.mark.parametrize(
    ("history", "decide", "refusal", "saying"),
    [
        ([SCIM], lambda r: r.add_client("scim", ("scim.read",)), InvalidValue, "exists"),
        ([], lambda r: r.add_client("a b", ("scim.read",)), InvalidValue, "client id"),
        ([], lambda r: r.add_client("x", ("root",)), InvalidValue, "root"),
        ([], lambda r: r.add_client("x", ()), InvalidValue, "none"),
        ([], lambda r: r.disable_client("x"), NoSuchCredential, "none yet"),
        ([SCIM], lambda r: r.enable_client("x"), NoSuchCredential, "it has scim"),
        ([SCIM], lambda r: r.issue_secret("x", "s"), NoSuchCredential, "x"),
        ([SCIM], lambda r: r.retire_secret("s1"), NoSuchCredential, "s1"),
        (
            [SCIM, SECRET, Realm.SecretRetired("scim", "s1")],
            lambda r: r.retire_secret("s1"),
            NoSuchCredential,
            "s1",
        ),
        ([SCIM], lambda r: r.revoke_token("t1"), NoSuchCredential, "t1"),
        ([SCIM, SECRET], lambda r: r.revoke_token("s1"), NoSuchCredential, "s1"),
        (
            [SCIM],
            lambda r: r.issue_token("scim", "t", ("audit.read",), 9),
            InvalidValue,
            "audit.read",
        ),
        ([SCIM], lambda r: r.issue_token("scim", "t", ("root",), 9), InvalidValue, "root"),
        (
            [SCIM, Realm.Suspended()],
            lambda r: r.issue_token("scim", "t", ("scim.read",), 9),
            RealmSuspended,
            "acme",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(
    history: Sequence[Event],
    decide: Callable[[Any], Sequence[Event]],
    refusal: type[Exception],
    saying: str,
) -> None:
    given(ACME, *history).when(decide).refused(refusal, saying=saying)  # type: ignore[arg-type]


def test_the_state_knows_what_a_client_may_prove_itself_with() -> None:
    state = given(ACME, SCIM, SECRET, TOKEN).state
    assert state.clients == {
        "scim": Client(
            ("scim.read", "scim.write"), secrets=frozenset({"s1"}), tokens=frozenset({"t1"})
        )
    }
    gone = [Realm.SecretRetired("scim", "s1"), Realm.TokenRevoked("scim", "t1")]
    assert given(ACME, SCIM, SECRET, TOKEN, *gone).state.clients["scim"] == Client(SCIM.scopes)


def test_a_stream_that_does_not_begin_with_its_registration_is_refused() -> None:
    with pytest.raises(ValueError, match=r"realm\.registered"):
        Realm.evolve(None, Realm.Suspended())


LIMIT = Guard.Set(10, 5, 10)
MINUTE = 60_000_000


def test_a_realm_has_a_guard_from_when_it_is_set_until_it_is_removed() -> None:
    assert given(ACME).state.guard is None
    assert given(ACME, LIMIT).state.guard == Guard(10, 5, 10)
    given(ACME).when(lambda r: Guard.setting(r.guard, 10, 5, 10)).then(LIMIT)
    given(ACME, LIMIT).when(lambda r: Guard.setting(r.guard, 10, 5, 10)).then()
    given(ACME, LIMIT).when(lambda r: Guard.setting(r.guard, 20, 5, 10)).then(Guard.Set(20, 5, 10))
    given(ACME, LIMIT).when(lambda r: Guard.removing(r.guard)).then(Guard.Removed())
    gone = given(ACME, LIMIT, Guard.Removed())
    assert gone.state.guard is None
    gone.when(lambda r: Guard.removing(r.guard)).then()


@pytest.mark.parametrize("limit", [(0, 5, 10), (101, 5, 10), (10, 0, 10), (10, 5, 0), (1, 1, 1e5)])
def test_a_limit_out_of_range_is_refused(limit: tuple[int, int, int]) -> None:
    given(ACME).when(lambda r: Guard.setting(r.guard, *limit)).refused(InvalidValue, saying="to")


def test_lifting_needs_a_guard_and_a_while() -> None:
    lifted = Guard.Lifted(7 + 60 * MINUTE)
    given(ACME, LIMIT).when(lambda r: Guard.lifting(r.guard, 7, 60)).then(lifted)
    assert given(ACME, LIMIT, lifted).state.guard.lifted_until == lifted.until
    given(ACME).when(lambda r: Guard.lifting(r.guard, 7, 60)).refused(InvalidValue, saying="no")
    given(ACME, LIMIT).when(lambda r: Guard.lifting(r.guard, 7, 0)).refused(InvalidValue)


def test_a_trip_is_recorded_once_a_window_and_again_after_a_lift() -> None:
    tripped = Guard.Tripped("User", 5, 50, 7 + 10 * MINUTE)

    def trip(now: int) -> Callable[[Any], Sequence[Event]]:
        return lambda realm: Guard.tripping(realm.guard, now, "User", 5, 50)

    given(ACME, LIMIT).when(trip(7)).then(tripped)
    given(ACME, LIMIT, tripped).when(trip(tripped.until - 1)).then()
    later = Guard.Tripped("User", 5, 50, tripped.until + 10 * MINUTE)
    given(ACME, LIMIT, tripped).when(trip(tripped.until)).then(later)
    lifted = Guard.Lifted(9)
    given(ACME, LIMIT, tripped, lifted).when(trip(8)).then()
    given(ACME, LIMIT, tripped, lifted).when(trip(9)).then(
        Guard.Tripped("User", 5, 50, 9 + 10 * MINUTE)
    )
    given(ACME).when(trip(7)).then()


@pytest.mark.parametrize(
    ("changed", "total", "refused"),
    [(5, 50, False), (6, 50, True), (4, 10, False), (5, 10, True), (6, 60, False), (6, 59, True)],
)
def test_more_than_the_percentage_and_at_least_the_minimum_is_too_many(
    changed: int, total: int, refused: bool
) -> None:
    guard = Guard(10, 5, 10)
    assert guard.refuses(changed, total) is refused
    assert not guard.refuses(changed, guard.enough(changed))
    assert changed < 5 or guard.refuses(changed, guard.enough(changed) - 1)
