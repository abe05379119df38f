"""The Realm aggregate: who could write, and when (ADR 0007)."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from domain.events import Event
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
