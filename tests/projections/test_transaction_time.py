"""One instant for each transaction, rising whatever the clock shows (ADR 0003)."""

from domain.commands import PatchGroup
from domain.handlers.groups import patch_group
from domain.patching import AttributeOperation, MemberDelta
from tests.engines import Engine
from tests.houses import opened_house, ticking
from tests.projections.commands import new_group, new_user

NOON = 1_700_000_000_000_000
HOUR = 3_600_000_000


def test_instants_rise_although_the_clock_jumps_backwards(engine: Engine) -> None:
    clock = ticking(*[NOON + HOUR * (-1) ** n * n for n in range(12)], NOON - 24 * HOUR)
    with opened_house(engine, clock=clock, slugs=("acme", "other")) as house:
        for number in range(8):
            new_user(house, f"u{number}", ("acme", "other")[number % 2])
        instants = [recorded.recorded_at for recorded in house.events()]
        per_transaction = list(dict.fromkeys(instants))
        assert len(per_transaction) == 10
        assert per_transaction == sorted(per_transaction)
        assert instants == sorted(instants)


def test_a_stopped_clock_still_gives_each_transaction_an_instant_of_its_own(engine: Engine) -> None:
    with opened_house(engine, clock=ticking(NOON)) as house:
        for number in range(3):
            new_user(house, f"u{number}")
        instants = [recorded.recorded_at for recorded in house.events()]
        assert list(dict.fromkeys(instants)) == [NOON, NOON + 1, NOON + 2, NOON + 3]


def test_the_clock_is_believed_when_it_goes_forward(engine: Engine) -> None:
    with opened_house(engine, clock=ticking(NOON, NOON, NOON, NOON + HOUR)) as house:
        new_user(house, "ann")
        assert house.events()[-1].recorded_at == NOON + HOUR


def test_the_events_of_one_transaction_share_an_instant_and_a_correlation(engine: Engine) -> None:
    with opened_house(engine) as house:
        ann = new_user(house, "ann")
        group = new_group(house, "Staff")
        before = len(house.events())
        command = PatchGroup(
            house.cause(correlation="d" * 32),
            group,
            [AttributeOperation("replace", "displayName", "All")],
            MemberDelta().adding([ann]),
        )
        patch_group(command, house.log)
        new = house.events()[before:]
        assert len(new) == 2
        assert len({(r.recorded_at, r.cause.correlation_id) for r in new}) == 1
        assert [r.originator_version for r in new] == [2, 3]
