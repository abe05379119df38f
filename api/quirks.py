"""What clients really send: one function a peculiarity, each with its source and its fixture.

The two Microsoft Entra dialects arrive mixed from one tenant (on-demand provisioning ignores the
``aadOptscim062020`` flag), so nothing here depends on who is calling. Fixtures are the recorded
conversations in ``tests/clients/``. What a value or a name may look like beyond RFC 7644 stands
here.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from domain.refusals import InvalidValue
from domain.schemas import AttributeDefinition, ResourceSchema


def string_boolean(value: Any) -> Any:
    """Read ``"True"``, ``"false"``, ``0`` and ``1`` as booleans; leave anything else alone.

    Entra without the flag disables users with ``"False"``: taken as a truthy string it would keep
    a leaver in. MicrosoftDocs, application-provisioning-config-problem-scim-compatibility.
    Fixtures ``entra-legacy-disable-string``, ``entra-create-active-string``.
    """
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    return value


def wrapped_scalar(value: Any) -> Any:
    """Unwrap ``[x]`` and ``[{"$ref": null, "value": x}]`` where one plain value is expected.

    The 2017 Microsoft library wraps scalars. Fixtures ``entra-very-old-wrapped-value``,
    ``okta-array-wrapped-active``.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
        if isinstance(value, dict) and "value" in value:
            value = value["value"]
    return value


def bare_reference(value: Any) -> Any:
    """Read ``"id"`` and ``[{"value": "id"}]`` as the reference ``{"value": "id"}``.

    Entra sends ``manager`` as a bare id, its documentation as a one-element array.
    SCIM-SDK#541, SCIM-SDK#686. Fixtures ``entra-manager-bare-string``,
    ``entra-manager-add-array-unqualified``.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return {"value": value} if isinstance(value, str) else value


def json_in_string(value: Any) -> Any:
    """Read a role whose value is a JSON object spelled as a string.

    Entra's AppRoleAssignmentsComplex without the flag puts an object with ``id``, ``value`` and
    ``displayName`` into the text of ``value``. MicrosoftDocs, customize-application-attributes.
    Fixture ``entra-roles-json-string-value``.
    """
    text = value.get("value") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return value
    try:
        role = orjson.loads(text)
    except orjson.JSONDecodeError:
        return value
    if not isinstance(role.get("value"), str) or "\x00" in text or "\\u0000" in text:
        return value
    read = {"value": role["value"]}
    if isinstance(role.get("displayName"), str):
        read["display"] = role["displayName"]
    return {**(value if isinstance(value, dict) else {}), **read}


def unassigned(value: Any) -> bool:
    """Whether a value means "none": ``null``, ``""``, ``[]`` and ``{}`` alike (RFC 7643 §2.5).

    Okta and the SCIM null-update test of Entra clear with ``""``. Fixtures
    ``gallery-null-update-empty-strings``, ``okta-create-empty-strings``,
    ``entra-manager-remove-empty-string``.
    """
    return value is None or value in ("", [], {})


def bare_extension_attribute(
    name: str, schema: ResourceSchema
) -> tuple[str | None, AttributeDefinition | None]:
    """Find an attribute of an extension that is named without its URN.

    Entra's examples write ``manager`` and ``department`` at the top level. Fixtures
    ``entra-manager-add-array-unqualified``, ``entra-filter-id-and-manager``.
    """
    for urn, attributes in schema.extensions.items():
        if name.lower() in attributes:
            return urn, attributes[name.lower()]
    return None, None


def dotted_extension(path: str, schema: ResourceSchema) -> str:
    """Read ``urn:…:User.department`` as ``urn:…:User:department``.

    customappsso before 12/2018; a URN holds dots of its own, so known URNs are compared whole.
    Fixture ``entra-customappsso-dot-extension``.
    """
    for urn in (schema.urn, *schema.extensions):
        if path.lower().startswith(urn.lower() + "."):
            return f"{path[: len(urn)]}:{path[len(urn) + 1 :]}"
    return path


def known_schema(urn: str, schema: ResourceSchema) -> bool:
    """Whether a URN in ``schemas`` says something here; unknown ones are ignored with a warning.

    Old OneLogin templates name ``urn:scim:schemas:core:2.0``, Entra adds
    ``http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group`` and, in its own
    sample, a URN with a missing colon. Fixtures ``onelogin-create-legacy-schemas``,
    ``entra-create-group``, ``entra-create-nulls-and-typo-schema``.
    """
    lowered = urn.lower()
    return lowered == schema.urn.lower() or lowered in schema.extension_urns


def member_ids(value: Any) -> list[str]:
    """Return the ids a client names as members: objects with ``value``, bare ids, one or many.

    The ``value`` alone says who is meant: ``$ref`` may be null and ``display`` out of date.
    Fixtures ``entra-add-member-string-value``, ``entra-add-member-extra-keys``,
    ``entra-group-remove-member-legacy-ref-null``.

    Raises:
        InvalidValue: something in it is no reference to a member.
    """
    items: Iterable[Any] = value if isinstance(value, list) else [value]
    ids = []
    for item in items:
        named = item
        if isinstance(item, dict):
            named = next((v for k, v in item.items() if k.lower() == "value"), None)
        if not isinstance(named, str):
            raise InvalidValue('members: each member is an object with its id as "value"')
        if named:
            ids.append(named)
    return ids


def own_id(value: Any, resource_id: str) -> bool:
    """Whether a client repeats the id of the resource it patches; that changes nothing.

    Okta sends ``{"id": …, "displayName": …}`` with every group change. Fixture
    ``okta-group-rename-with-id``.
    """
    return bool(value == resource_id)
