"""Work is refused before it is begun, and never stands in a leaver's way (ABUSE E6, E7)."""

import pytest

from domain.patching import AttributeOperation, is_short, patched
from domain.refusals import InvalidValue
from domain.schemas import USER

MANY = {
    "userName": "ann",
    "active": True,
    **{name: [{"value": f"{n}"} for n in range(700)] for name in ("emails", "ims", "roles")},
}


def test_e7_operations_that_would_look_at_a_hundred_thousand_values_are_refused() -> None:
    operations = [AttributeOperation("replace", "emails.display", "x")] * 500
    with pytest.raises(InvalidValue, match="send them in several"):
        patched(USER, MANY, operations)


def test_e6_no_patch_leaves_more_than_a_thousand_values() -> None:
    more = [{"value": f"new{n}"} for n in range(400)]
    with pytest.raises(InvalidValue, match="emails would have more than 1000 values"):
        patched(USER, MANY, [AttributeOperation("add", "emails", more)])


def test_a_leaver_with_many_values_is_disabled() -> None:
    operations = [AttributeOperation("replace", "active", value=False)]
    assert patched(USER, MANY, operations)["active"] is False
    assert is_short(USER, operations)


@pytest.mark.parametrize(
    "operations",
    [
        [AttributeOperation("replace", "title", "x")] * 21,
        [AttributeOperation("add", "emails", [{"value": "x"}])],
        [AttributeOperation("replace", 'emails[type eq "t" or value eq "q"].display', "x")],
    ],
)
def test_what_takes_longer_is_not_for_the_event_loop(
    operations: list[AttributeOperation],
) -> None:
    assert not is_short(USER, operations)
