"""One event of each topic, with everything it can carry: what the golden payloads were made of."""

from domain.cause import Actor, Cause, Warned
from domain.document import Change
from domain.events import Event
from domain.group import Group
from domain.guard import Guard
from domain.realm import Realm
from domain.user import User

URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CAUSE = Cause(
    realm="01890000-0000-7000-8000-000000000001",
    actor=Actor("client", "scim", "01890000-0000-7000-8000-0000000000aa"),
    correlation_id="00112233445566778899aabbccddeeff",
    operation="PATCH /Users",
    source_address="192.0.2.7",
    user_agent="example/1.0",
    causation_id="01890000-0000-7000-8000-000000000002@3",
)
RECORDED_AT = 1_700_000_000_123_456
WARNINGS = (Warned("unknown-attribute", "nickname"),)
STREAM = "01890000-0000-7000-8000-000000000009"
VERSION = 4

_USER = {
    "userName": "Änne",
    "active": True,
    "name": {"givenName": "Änne"},
    "emails": [{"value": "a@EXAMPLE.com", "primary": True}],
    URN: {"manager": {"value": "7"}},
}
_GROUP = {"displayName": "Staff", "externalId": "x"}
_MEMBERS = ("01890000-0000-7000-8000-0000000000a1", "01890000-0000-7000-8000-0000000000a2")

_ALL: tuple[Event, ...] = (
    User.Created(_USER),
    User.AttributesChanged(
        {
            "title": Change(None, "Dr"),
            "name.givenName": Change("Änne", None),
            "emails": Change([{"value": "a@EXAMPLE.com", "primary": True}], None),
            f"{URN}:manager.value": Change("7", "8"),
        }
    ),
    User.Renamed({"userName": Change("Änne", "Anne")}),
    User.Deactivated({"active": Change(True, False)}),
    User.Activated({"active": Change(False, True)}),
    User.Deleted(),
    User.Restored(_USER, RECORDED_AT),
    Group.Created(_GROUP),
    Group.AttributesChanged({"externalId": Change("x", "y")}),
    Group.Renamed({"displayName": Change("Staff", "All staff")}),
    Group.MembersAdded(_MEMBERS),
    Group.MembersRemoved(_MEMBERS),
    Group.Deleted(),
    Group.Restored(_GROUP, RECORDED_AT),
    Realm.Registered("acme", unique_group_names=True),
    Realm.Suspended(),
    Realm.Resumed(),
    Realm.ClientAdded("scim", ("scim.read", "scim.write")),
    Realm.ClientDisabled("scim"),
    Realm.ClientEnabled("scim"),
    Realm.SecretIssued("scim", "01890000-0000-7000-8000-0000000000b1"),
    Realm.SecretRetired("scim", "01890000-0000-7000-8000-0000000000b1"),
    Realm.TokenIssued(
        "scim", "01890000-0000-7000-8000-0000000000c1", ("scim.read",), 1_800_000_000_000_000
    ),
    Realm.TokenRevoked("scim", "01890000-0000-7000-8000-0000000000c1"),
    Guard.Set(10, 50, 10),
    Guard.Removed(),
    Guard.Tripped("User", 50, 490, 1_700_000_600_000_000),
    Guard.Lifted(1_700_003_600_000_000),
)
EXAMPLES = {event.topic: event for event in _ALL}
