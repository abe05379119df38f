"""A leaked token gets no further than the realm's guard lets it (ABUSE G16)."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from domain.cause import Actor
from domain.commands import (
    CreateGroup,
    CreateUser,
    DeleteGroup,
    DeleteUser,
    PatchUser,
    ReplaceUser,
)
from domain.guard import Guard
from domain.handlers.groups import create_group, delete_group
from domain.handlers.realms import change_realm
from domain.handlers.users import create_user, delete_user, patch_user, replace_user
from domain.patching import AttributeOperation, MemberDelta
from domain.refusals import MassChange
from domain.schemas import GROUP, USER
from projections.departures import SqlDepartures
from projections.log import SqlLog
from projections.tables import departures, guards
from replay.restoring import restore
from tests.abuse.racing import ROUNDS
from tests.engines import Engine
from tests.houses import OPERATOR, House, opened_house

MINUTE = 60_000_000


class Town:
    """Fifty users in each of two realms; `acme` has a guard, and the clock stands still."""

    def __init__(self, house: House, now: list[int]) -> None:
        self.house, self.now = house, now
        self.users = {slug: [self.new_user(slug, n) for n in range(50)] for slug in house.realms}

    def new_user(self, slug: str, number: int) -> str:
        document = {"userName": f"user {number}"}
        return self.do(create_user, CreateUser(self.house.cause(slug), document))

    def do(self, handler: Any, command: Any) -> str:
        return str(self.house.log.handle(handler, command).id)

    def decide(self, decision: Any) -> None:
        change_realm(replace(OPERATOR, realm=self.house.realms["acme"]), self.house.log, decision)

    def guard(self, percent: int = 10, minimum: int = 5, window: int = 10) -> None:
        self.decide(lambda realm: Guard.setting(realm.guard, percent, minimum, window))

    def lift(self, minutes: int = 60) -> None:
        self.decide(lambda realm: Guard.lifting(realm.guard, self.now[0], minutes))

    def set_active(self, number: int, *, active: bool, slug: str = "acme") -> None:
        operation = AttributeOperation("replace", "active", active)
        id_ = self.users[slug][number]
        self.do(patch_user, PatchUser(self.house.cause(slug), id_, [operation]))

    def put_inactive(self, number: int, slug: str = "acme") -> None:
        document = {"userName": f"user {number}", "active": False}
        id_ = self.users[slug][number]
        self.do(replace_user, ReplaceUser(self.house.cause(slug), id_, document))

    def delete(self, number: int, slug: str = "acme") -> None:
        self.do(delete_user, DeleteUser(self.house.cause(slug), self.users[slug][number]))

    def pass_minutes(self, minutes: int) -> None:
        self.now[0] += minutes * MINUTE

    def topics(self) -> list[str]:
        """The topics about the guard, in their order."""
        found = [r.event.topic for r in self.house.events()]
        return [topic.removeprefix("realm.guard-") for topic in found if "guard" in topic]


@pytest.fixture
def town(engine: Engine) -> Iterator[Town]:
    now = [1_900_000_000_000_000]
    with opened_house(engine, clock=lambda: now[0], slugs=("acme", "other")) as house:
        yield Town(house, now)


def deactivate(town: Town, numbers: range, slug: str = "acme") -> None:
    for number in numbers:
        town.set_active(number, active=False, slug=slug)


def test_the_sixth_deactivation_of_fifty_users_is_refused_and_leaves_nothing(town: Town) -> None:
    town.guard()
    deactivate(town, range(5))
    with pytest.raises(MassChange) as refused:
        town.set_active(5, active=False)
    for words in ("5 of 50 users", "10 minutes", "10 %", "at least 5", "realm guard acme --lift"):
        assert words in refused.value.detail
    assert refused.value.scim_type is None
    before = town.house.rows()
    for attempt in (town.put_inactive, town.delete):
        with pytest.raises(MassChange):
            attempt(6)
    assert town.house.rows() == before
    assert town.topics() == ["set", "tripped"], "once a trip, not once a request"
    tripped = town.house.events()[-1]
    assert tripped.event == Guard.Tripped("User", 5, 50, town.now[0] + 10 * MINUTE)
    assert tripped.cause.actor == Actor("client", "scim")


def test_deletions_count_as_deactivations_do_and_each_user_once(town: Town) -> None:
    town.guard()
    deactivate(town, range(3))
    town.put_inactive(3)
    town.delete(4)
    for number in range(4):
        town.delete(number)  # deactivated before: the same five users
    with pytest.raises(MassChange, match="5 of 50 users"):
        town.delete(5)


def test_what_is_no_departure_goes_on(town: Town) -> None:
    town.guard()
    deactivate(town, range(5))
    for number in range(5):
        town.set_active(number, active=True)
    for number in range(5):
        town.set_active(number, active=False)
    new = town.new_user("acme", 50)
    operation = AttributeOperation("replace", "title", "Dr")
    town.do(patch_user, PatchUser(town.house.cause(), new, [operation]))
    with pytest.raises(MassChange):
        town.set_active(5, active=False)


def test_lifting_lets_through_for_as_long_as_it_says(town: Town) -> None:
    town.guard()
    deactivate(town, range(5))
    with pytest.raises(MassChange):
        town.set_active(5, active=False)
    town.lift(minutes=3)
    deactivate(town, range(5, 20))
    town.pass_minutes(3)
    with pytest.raises(MassChange):
        town.set_active(20, active=False)
    assert town.topics() == ["set", "tripped", "lifted", "tripped"]


def test_the_window_passes(town: Town) -> None:
    town.guard()
    deactivate(town, range(3))
    town.pass_minutes(6)
    deactivate(town, range(3, 5))
    with pytest.raises(MassChange):
        town.set_active(5, active=False)
    town.pass_minutes(5)
    deactivate(town, range(5, 8))
    with pytest.raises(MassChange):
        town.set_active(8, active=False)
    town.pass_minutes(11)
    deactivate(town, range(8, 13))
    assert len(town.house.rows()[departures.name]) == 5, "what left the window is forgotten"
    assert town.topics() == ["set", "tripped"]
    with pytest.raises(MassChange):
        town.set_active(13, active=False)
    assert town.topics() == ["set", "tripped", "tripped"]


def test_other_realms_are_unaffected(town: Town) -> None:
    town.guard()
    deactivate(town, range(5))
    with pytest.raises(MassChange):
        town.delete(5)
    deactivate(town, range(20), slug="other")
    town.delete(20, slug="other")
    assert {row[0] for row in town.house.rows()[departures.name]} == {town.house.realms["acme"]}


def test_without_a_guard_or_after_it_is_off_nothing_is_counted(town: Town) -> None:
    deactivate(town, range(20))
    town.guard()
    town.delete(20)
    town.decide(lambda realm: Guard.removing(realm.guard))
    rows = town.house.rows()
    assert (rows[guards.name], rows[departures.name]) == ([], [])
    for number in range(21, 40):
        town.delete(number)
    assert town.house.rows()[departures.name] == []


def test_a_minimum_that_is_not_reached_refuses_nothing(town: Town) -> None:
    town.guard(percent=1, minimum=9)
    deactivate(town, range(8))
    with pytest.raises(MassChange, match="8 of 50"):
        town.set_active(8, active=False)


def test_groups_are_counted_against_groups(town: Town) -> None:
    town.guard(percent=50, minimum=2)
    groups = [
        town.do(
            create_group,
            CreateGroup(town.house.cause(), {"displayName": f"group {n}"}, MemberDelta()),
        )
        for n in range(4)
    ]
    for group in groups[:2]:
        town.do(delete_group, DeleteGroup(town.house.cause(), group))
    with pytest.raises(MassChange, match="2 of 4 groups"):
        town.do(delete_group, DeleteGroup(town.house.cause(), groups[2]))
    deactivate(town, range(20))


def test_operators_are_never_refused(town: Town) -> None:
    town.guard()
    for number in range(5):
        town.delete(number)
    operator = replace(OPERATOR, realm=town.house.realms["acme"])
    for id_ in town.users["acme"][:5]:
        restore(town.house.log, USER, operator, id_)
    for id_ in town.users["acme"][10:20]:
        town.do(delete_user, DeleteUser(operator, id_))
    group = town.do(
        create_group, CreateGroup(town.house.cause(), {"displayName": "x"}, MemberDelta())
    )
    town.do(delete_group, DeleteGroup(operator, group))
    restore(town.house.log, GROUP, operator, group)


def storm(town: Town, numbers: range) -> int:
    """Two processes deactivate at once, each with several threads; return how many were let."""
    elsewhere = town.house.beside()
    logs = [
        town.house.log,
        SqlLog(elsewhere, town.house.log.registry, town.house.log.key, town.house.log.clock),
    ]
    barrier, let, errors = threading.Barrier(len(numbers)), list[int](), list[Exception]()

    def run(number: int) -> None:
        operation = AttributeOperation("replace", "active", value=False)
        id_ = town.users["acme"][number]
        barrier.wait()
        try:
            command = PatchUser(town.house.cause(), id_, [operation])
            logs[number % 2].handle(patch_user, command)
            let.append(number)
        except MassChange:
            pass
        except Exception as error:  # noqa: BLE001  # shown by the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elsewhere.close()
    assert not errors, errors[0]
    return len(let)


def test_several_workers_together_get_no_further(town: Town) -> None:
    town.guard()
    for _ in range(ROUNDS):
        assert storm(town, range(12)) == 5
        assert town.topics()[-1] == "tripped"
        assert town.topics()[-2] == "set"
        town.decide(lambda realm: Guard.removing(realm.guard))
        for number in range(12):
            town.set_active(number, active=True)
        town.guard()


def test_sabotage_a_guard_that_forgets_lets_everything_through(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.guard()
    monkeypatch.setattr(SqlDepartures, "guard", lambda _: None)
    deactivate(town, range(20))


def test_a_realm_without_a_guard_pays_one_look_for_a_departure_and_none_for_the_rest(
    town: Town,
) -> None:
    def looks(write: Any) -> int:
        with town.house.statements() as seen:
            write()
        return sum("guards" in sql or "departures" in sql for sql in seen)

    operation = AttributeOperation("replace", "title", "Dr")
    command = PatchUser(town.house.cause(), town.users["acme"][0], [operation])
    assert looks(lambda: town.do(patch_user, command)) == 0
    assert looks(lambda: town.new_user("acme", 99)) == 0
    assert looks(lambda: town.set_active(0, active=False)) == 1
    assert looks(lambda: town.set_active(0, active=True)) == 0
    assert looks(lambda: town.delete(1)) == 1
