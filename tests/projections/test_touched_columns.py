"""A change writes the columns it concerns: every other indexed one would be indexed anew."""

import re
from typing import Any

import pytest

from domain.commands import PatchUser
from domain.handlers.users import patch_user
from domain.patching import AttributeOperation
from tests.houses import House
from tests.projections.commands import new_user
from tests.properties.test_rebuild import check_rebuild

BY_ATTRIBUTE = {
    "external_id_key": "externalId",
    "display_name_key": "displayName",
    "user_name_key": "userName",
    "active": "active",
}
EVERYTHING = {"externalId": "E1", "displayName": "Ann", "userName": "Ann", "active": False}


def patch(house: House, user: str, **values: Any) -> str:
    """Change a user and return the statement that wrote its row."""
    operations = [
        AttributeOperation("remove" if value is None else "replace", name, value)
        for name, value in values.items()
    ]
    with house.statements() as seen:
        house.log.handle(patch_user, PatchUser(house.cause(), user, operations))
    (written,) = [text for text in seen if text.startswith("UPDATE users_g1")]
    return written


@pytest.mark.parametrize("value", ["x", None], ids=["set", "cleared"])
@pytest.mark.parametrize("attribute", ["title", *BY_ATTRIBUTE.values()])
def test_columns_of_attributes_that_stay_are_not_written(
    house: House, attribute: str, value: str | None
) -> None:
    user = new_user(house, "ann")
    patch(house, user, title="before", **EVERYTHING)
    if attribute == "active":
        written = patch(house, user, active=None if value is None else True)
    elif attribute == "userName":
        written = patch(house, user, userName="bob")
    else:
        written = patch(house, user, **{attribute: value})
    names = set(re.findall(r"(\w+)=", written))
    expected = {column for column, name in BY_ATTRIBUTE.items() if name == attribute}
    assert names & BY_ATTRIBUTE.keys() == expected
    assert {"document", "keys", "version", "last_modified"} <= names
    check_rebuild(house, batch=1)


def test_several_attributes_changed_at_once_are_all_written(house: House) -> None:
    written = patch(house, new_user(house, "ann"), **EVERYTHING)
    assert set(re.findall(r"(\w+)=", written)) >= {*BY_ATTRIBUTE, "display"}
    check_rebuild(house, batch=100)
