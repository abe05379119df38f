"""From what the read model keeps to the bytes of an answer (ADR 0008).

Documents are rendered when they are written; a read puts the location and the derived attributes
beside them. Only a selection of attributes makes a read look inside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection
from starlette.responses import Response

from api.errors import SCIM_JSON
from api.selection import Selection
from domain.schemas import GROUP, USER, ResourceSchema
from projections.directory import DirectoryGeneration, Reference, Rendered

_LIST = b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":'
ENDPOINT_OF = {schema.name: schema.endpoint for schema in (USER, GROUP)}
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Representation:
    """How resources of one realm look from outside; ``base`` is the SCIM base URL of the realm."""

    base: str
    realm: str
    directory: DirectoryGeneration

    def location(self, schema: ResourceSchema, resource_id: str) -> str:
        """Return the URL of a resource, from the configured public URL (ABUSE F8)."""
        return f"{self.base}{schema.endpoint}/{resource_id}"

    def derived(
        self, connection: Connection, selection: Selection, rows: Sequence[Rendered]
    ) -> Mapping[str, Sequence[Reference]]:
        """Return the members of groups, or the groups of users, unless they are not wanted."""
        if not rows or not selection.includes(derived_name(selection.schema)):
            return {}
        known = {row.id: row.references for row in rows if row.references is not None}
        if len(known) == len(rows):
            return known
        ids = [row.id for row in rows]
        if selection.schema is GROUP:
            return self.directory.members_of(connection, self.realm, ids)
        return self.directory.groups_of(connection, self.realm, ids)

    def resource(
        self, selection: Selection, row: Rendered, references: Sequence[Reference]
    ) -> bytes:
        """Return one resource as JSON."""
        schema = selection.schema
        parts = [row.document[:-1], ',"meta":', row.meta, ',"location":"']
        parts += [self.location(schema, row.id), '"}']
        if references:
            kind = None if schema is GROUP else GROUP.name
            items = [self._reference(reference, kind) for reference in references]
            parts += [',"', derived_name(schema), '":', orjson.dumps(items).decode()]
        parts.append("}")
        text = "".join(parts).encode()
        if selection.of_derived_only:
            return text
        return orjson.dumps(selection.apply(orjson.loads(text)))

    def _reference(self, reference: Reference, kind: str | None) -> dict[str, Any]:
        endpoint = ENDPOINT_OF[kind or reference.type]
        item = {"value": reference.id, "$ref": f"{self.base}{endpoint}/{reference.id}"}
        if reference.display is not None:
            item["display"] = reference.display
        item["type"] = reference.type
        return item


def derived_name(schema: ResourceSchema) -> str:
    """Return the name of the attribute that is joined at the read."""
    return "members" if schema is GROUP else "groups"


def tag_of(row: Rendered) -> str:
    """Return the entity tag a rendered ``meta`` shows."""
    return str(orjson.loads(row.meta + "}")["version"])


def resource_response(
    body: bytes, row: Rendered, location: str, status: int = 200, *, created: bool = False
) -> Response:
    """Return an answer with one resource, its entity tag and its location."""
    headers = {"ETag": tag_of(row), "Content-Location": location, **_NO_STORE}
    if created:
        headers["Location"] = location
    return Response(body, status, headers, SCIM_JSON)


def list_response(total: int, start_index: int, resources: Sequence[bytes]) -> Response:
    """Return a ListResponse (RFC 7644 §3.4.2)."""
    body = b"".join(
        (
            _LIST,
            str(total).encode(),
            b',"startIndex":',
            str(start_index).encode(),
            b',"itemsPerPage":',
            str(len(resources)).encode(),
            b',"Resources":[',
            b",".join(resources),
            b"]}",
        )
    )
    return Response(body, 200, _NO_STORE, SCIM_JSON)


def json_response(body: Any, status: int = 200) -> Response:
    """Return any SCIM message."""
    return Response(orjson.dumps(body), status, _NO_STORE, SCIM_JSON)
