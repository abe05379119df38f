"""A directory of a few rows, asked twice: by SQL, and by scim2-models resource by resource."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from scim2_models import Path, Resource, SearchRequest
from scim2_models.path import ScimFilter
from sqlalchemy import ColumnElement, Connection, NullPool, create_engine, insert, select

from domain.instants import instant
from domain.schemas import GROUP, USER, ResourceSchema, policy
from projections.directory.g1.filters import compile_filter, parse_filter
from projections.directory.g1.projection import TABLES
from projections.directory.g1.rendering import (
    columns_of,
    email_keys_of,
    render_document,
)
from projections.directory.g1.rows import Row
from projections.directory.g1.sorting import order_by
from projections.directory.g1.tables import metadata as read_model
from projections.directory.g1.tables import user_emails
from projections.tables import members
from projections.tables import metadata as durable
from tests.engines import Engine

REALM, OTHER_REALM = "realm-a", "realm-b"
Memberships = Iterable[tuple[str, str, str]]
"""Of (group id, member id, member type)."""


@contextmanager
def directory_on(engine: Engine) -> Iterator["Directory"]:
    """Make the tables of a directory in a database of their own, and open it."""
    with engine.empty() as url:
        database = create_engine(
            url, poolclass=NullPool, json_serializer=lambda value: orjson.dumps(value).decode()
        )
        with database.connect() as connection:
            for metadata in (read_model, durable):
                metadata.create_all(connection)
            connection.commit()
            yield Directory(connection)


@dataclass
class Directory:
    """Holds what :meth:`fill` was given last; the other realm holds the same under its own ids.

    Its rows are never committed.
    """

    connection: Connection
    rows: list[Row] = field(default_factory=list)
    memberships: list[tuple[str, str, str]] = field(default_factory=list)
    _resources: dict[str, list[Resource[Any]]] = field(default_factory=dict)

    def fill(self, rows: Sequence[Row], memberships: Memberships = ()) -> None:
        self.rows, self.memberships = list(rows), list(memberships)
        self._resources = {}
        self.connection.rollback()
        for row in self.rows:
            columns = columns_of(row)
            columns["keys"] = orjson.loads(columns["keys"])
            self.connection.execute(insert(TABLES[row.type]), columns)
            keys = email_keys_of(row) if row.type == USER.name else []
            for place, key in enumerate(keys):
                email = {"realm": REALM, "user_id": row.id, "place": place, "value_key": key}
                self.connection.execute(insert(user_emails), email)
                self.connection.execute(insert(user_emails), {**email, "realm": OTHER_REALM})
        for group, member, kind in self.memberships:
            self.connection.execute(
                insert(members),
                {"realm": REALM, "group_id": group, "member_id": member, "member_type": kind},
            )

    def by_sql(self, schema: ResourceSchema, filter_text: str) -> list[str]:
        condition = compile_filter(schema, parse_filter(schema, filter_text))
        return self._ids(schema, condition, [TABLES[schema.name].c.id])

    def by_model(self, schema: ResourceSchema, filter_text: str) -> list[str]:
        spelled_out = parse_filter(schema, filter_text).ast
        with policy:
            expression: Any = ScimFilter[schema.model](spelled_out)  # type: ignore[name-defined]
            found = self.resources(schema)
            return sorted(str(r.id) for r in found if expression.match(r, strict=True))

    def sorted_by_sql(self, schema: ResourceSchema, sort_by: str, *, descending: bool) -> list[str]:
        condition = TABLES[schema.name].c.realm == REALM
        return self._ids(schema, condition, order_by(schema, sort_by, descending))

    def sorted_by_model(
        self, schema: ResourceSchema, sort_by: str, *, descending: bool
    ) -> list[str]:
        order = SearchRequest.SortOrder("descending" if descending else "ascending")
        with policy:
            request: SearchRequest[Any] = SearchRequest(sort_by=Path(sort_by), sort_order=order)
            found = sorted(self.resources(schema), key=lambda r: str(r.id))
            return [str(r.id) for r in request.sort(found)]

    def plan(self, schema: ResourceSchema, filter_text: str) -> str:
        """What the engine does to answer a filter, one step a line."""
        table = TABLES[schema.name]
        condition = compile_filter(schema, parse_filter(schema, filter_text))
        query = select(table.c.id).where(table.c.realm == REALM, condition)
        if self.connection.dialect.name == "postgresql":
            explain = "EXPLAIN (COSTS OFF)"
        else:
            explain = "EXPLAIN QUERY PLAN"
        compiled = query.compile(self.connection, compile_kwargs={"literal_binds": True})
        steps = self.connection.exec_driver_sql(f"{explain} {compiled}")
        return "\n".join(str(step[-1]) for step in steps)

    def resources(self, schema: ResourceSchema) -> list[Resource[Any]]:
        if schema.name not in self._resources:
            rows = [row for row in self.rows if row.type == schema.name]
            wholes = [self._whole(schema, row) for row in rows]
            self._resources[schema.name] = [schema.model.model_validate(w) for w in wholes]
        return self._resources[schema.name]

    def _whole(self, schema: ResourceSchema, row: Row) -> dict[str, Any]:
        whole = orjson.loads(render_document(schema, row.id, row.document))
        whole["meta"] = {
            "resourceType": row.type,
            "created": instant(row.created),
            "lastModified": instant(row.last_modified),
        }
        if schema is GROUP:
            own = sorted((m, kind) for g, m, kind in self.memberships if g == row.id)
            listed = {"members": [{"value": m, "type": kind} for m, kind in own]}
        else:
            groups = sorted(g for g, m, _ in self.memberships if m == row.id)
            listed = {"groups": [{"value": g, "type": "direct"} for g in groups]}
        return {**whole, **{name: values for name, values in listed.items() if values}}

    def _ids(
        self,
        schema: ResourceSchema,
        condition: ColumnElement[bool],
        order: Sequence[ColumnElement[Any]],
    ) -> list[str]:
        table = TABLES[schema.name]
        query = select(table.c.id).where(table.c.realm == REALM, condition).order_by(*order)
        return list(self.connection.scalars(query))


def row(schema: ResourceSchema, resource_id: str, document: dict[str, Any], at: int = 0) -> Row:
    """A row created at ``at`` microseconds and changed once, a second later."""
    return Row(REALM, resource_id, schema.name, document, 2, "0" * 32, at, at + 1_000_000)
