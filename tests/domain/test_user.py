"""The User aggregate (ADR 0005)."""

import pytest

from domain.document import Change
from domain.refusals import InvalidValue, NotDeleted
from domain.user import User
from tests.domain.scenario import given

ANN = {"userName": "Ann", "active": True}


def test_creating_a_user_makes_it_active_unless_told_otherwise() -> None:
    given().when(lambda _: User.create({"userName": "Ann"})).then(User.Created(ANN))
    inactive = {"userName": "Ann", "active": False}
    given().when(lambda _: User.create(inactive)).then(User.Created(inactive))


@pytest.mark.parametrize("document", [{}, {"userName": ""}, {"userName": None}])
def test_a_user_needs_a_user_name(document: dict[str, str]) -> None:
    given().when(lambda _: User.create(document)).refused(InvalidValue, saying="userName")


@pytest.mark.parametrize(
    "name",
    [
        " ann",
        "ann ",
        "ann\n",
        "a\tnn",
        "a\u200bnn",
        "a\u202enn",
        "a\u2028nn",
        "\ufeffann",
        "a\x00n",
    ],
)
def test_g6_a_user_name_that_looks_like_another_is_refused(name: str) -> None:
    given().when(lambda _: User.create({"userName": name})).refused(InvalidValue, saying="userName")
    renamed = given(User.Created(ANN)).when(lambda user: user.change({"userName": name}))
    renamed.refused(InvalidValue, saying="userName")


def test_the_refused_character_is_named() -> None:
    decided = given().when(lambda _: User.create({"userName": "a\u200bn"}))
    decided.refused(InvalidValue, saying="ZERO WIDTH SPACE")


def test_saying_the_same_again_records_nothing() -> None:
    given(User.Created(ANN)).when(lambda user: user.change(dict(ANN))).then()


def test_one_change_records_one_event_for_each_thing_that_happened() -> None:
    after = {"userName": "Anna", "active": False, "title": "Dr"}
    given(User.Created(ANN)).when(lambda user: user.change(after)).then(
        User.Renamed({"userName": Change("Ann", "Anna")}),
        User.Deactivated({"active": Change(True, False)}),
        User.AttributesChanged({"title": Change(None, "Dr")}),
    )


def test_activating_and_deactivating_have_events_of_their_own() -> None:
    off = User.Deactivated({"active": Change(True, False)})
    on = User.Activated({"active": Change(False, True)})
    given(User.Created(ANN)).when(lambda user: user.change({**ANN, "active": False})).then(off)
    given(User.Created(ANN), off).when(lambda user: user.change(ANN)).then(on)


def test_an_unassigned_active_is_an_attribute_that_changed() -> None:
    given(User.Created(ANN)).when(lambda user: user.change({"userName": "Ann"})).then(
        User.AttributesChanged({"active": Change(True, None)})
    )


def test_a_change_of_case_is_a_rename_that_keeps_the_key() -> None:
    before = given(User.Created(ANN)).state
    event = User.Renamed({"userName": Change("Ann", "ANN")})
    given(User.Created(ANN)).when(lambda user: user.change({**ANN, "userName": "ANN"})).then(event)
    assert User.evolve(before, event).name_key == before.name_key


def test_a_deleted_user_remembers_what_it_said() -> None:
    state = given(User.Created(ANN), User.Deleted()).state
    assert state == User(ANN, deleted=True)


def test_only_a_deleted_user_comes_back() -> None:
    gone = given(User.Created(ANN), User.Deleted())
    gone.when(lambda user: user.restore(ANN, 7)).then(User.Restored(ANN, 7))
    there = given(User.Created(ANN))
    there.when(lambda user: user.restore(ANN, 7)).refused(NotDeleted, saying="not deleted")


def test_a_restored_user_lives_again() -> None:
    assert given(User.Created(ANN), User.Deleted(), User.Restored(ANN, 1)).state == User(ANN)


@pytest.mark.parametrize("event", [User.Deleted(), User.Renamed({"userName": Change("a", "b")})])
def test_a_stream_that_does_not_begin_with_its_creation_is_refused(event: object) -> None:
    with pytest.raises(ValueError, match=r"user\.created"):
        User.evolve(None, event)  # type: ignore[arg-type]


def test_evolving_leaves_the_state_before_alone() -> None:
    before = given(User.Created({**ANN, "name": {"givenName": "A"}})).state
    User.evolve(before, User.AttributesChanged({"name.givenName": Change("A", None)}))
    assert before.document["name"] == {"givenName": "A"}
