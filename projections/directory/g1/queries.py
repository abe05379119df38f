"""Reading generation 1 of the directory: each query is one SQL statement.

The statements that clients send most (by id, and by one attribute with an index) are built once;
every other filter is compiled from its syntax tree.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from scim2_models.path import CompareOperator, Comparison
from sqlalchemy import (
    CompoundSelect,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from domain import comparison
from domain.schemas import USER, ResourceSchema
from projections.directory import Page, Query, Reference, Rendered
from projections.directory.g1.filters import compile_filter, parse_filter, plain_equality
from projections.directory.g1.projection import TABLES
from projections.directory.g1.sorting import order_by
from projections.directory.g1.tables import groups, users
from projections.prepared import Prepared
from projections.tables import members


def rendered(table: Table) -> list[ColumnElement[Any]]:
    """Return the columns of a :class:`~projections.directory.Rendered`."""
    return [table.c.id, table.c.version, table.c.document, table.c.meta]


def _by(table: Table, column: str) -> Prepared:
    """Return the statement of a lookup: the rows, and after them the groups of users."""
    matching = and_(table.c.realm == bindparam("realm"), table.c[column] == bindparam("key"))
    found = select(*rendered(table)).where(matching).order_by(table.c.id).limit(bindparam("limit"))
    if table is not users:
        return Prepared(found)
    joined = and_(members.c.realm == users.c.realm, members.c.member_id == users.c.id)
    return Prepared(_with_groups(found, _GROUP_ROWS.join(users, joined).where(matching)))


def _with_groups(found: Select[Any], group_rows: Select[Any]) -> CompoundSelect[Any]:
    return union_all(select(found.subquery("found")), group_rows)


def _get(table: Table) -> Prepared:
    found = select(*rendered(table)).where(
        table.c.realm == bindparam("realm"), table.c.id == bindparam("id")
    )
    if table is not users:
        return Prepared(found)
    of_user = and_(members.c.realm == bindparam("realm"), members.c.member_id == bindparam("id"))
    return Prepared(_with_groups(found, _GROUP_ROWS.where(of_user)))


_GROUP_ROWS = select(
    members.c.member_id, literal(0).label("version"), members.c.group_id, groups.c.display
).outerjoin(groups, and_(groups.c.realm == members.c.realm, groups.c.id == members.c.group_id))
"""A membership as a row like a resource's: no resource has version 0."""
_BY_ID = {kind: _get(table) for kind, table in TABLES.items()}
SHORT_PAGE = 100
"""Resources a lookup may answer with: an externalId is not unique."""
_LOOKUPS = {
    ("User", "username"): (_by(users, "user_name_key"), comparison.folded),
    ("User", "externalid"): (_by(users, "external_id_key"), comparison.exact),
    ("Group", "displayname"): (_by(groups, "display_name_key"), comparison.folded),
    ("Group", "externalid"): (_by(groups, "external_id_key"), comparison.exact),
}
"""The attributes clients match by, with the statement and the key of each."""


def get(
    connection: Connection, schema: ResourceSchema, realm: str, resource_id: str
) -> Rendered | None:
    """Return a resource, ``None`` when the realm does not have it."""
    return asked(connection, schema, realm, resource_id)()


def asked(
    connection: Connection, schema: ResourceSchema, realm: str, resource_id: str
) -> Callable[[], Rendered | None]:
    """Ask for a resource as it stands now; return what gives it."""
    answer = _BY_ID[schema.name].later(connection, {"realm": realm, "id": resource_id})
    return lambda: next(iter(_put_together(schema, answer())), None)


def _put_together(schema: ResourceSchema, rows: Sequence[Any]) -> list[Rendered]:
    """Return resources in their order, users with the groups that stand among the rows."""
    if schema is not USER:
        return [Rendered(*row) for row in rows]
    found, references = list[Any](), dict[str, list[Reference]]()
    for row in rows:
        id_, version, group_id, display = row
        if version:
            found.append(row)
        else:
            reference = Reference(id_, group_id, "direct", display)
            references.setdefault(id_, []).append(reference)
    return [
        Rendered(id_, version, document, meta, sorted(references.get(id_, ()), key=_by_id))
        for id_, version, document, meta in sorted(found, key=itemgetter(0))
    ]


_by_id = attrgetter("id")


def find(
    connection: Connection, schema: ResourceSchema, realm: str, query: Query, page: Page
) -> tuple[int, Sequence[Rendered]]:
    """Return how many resources match, and the wanted page of them in stable order."""
    table = TABLES[schema.name]
    condition: ColumnElement[bool] = true()
    if query.filter is not None:
        expression = parse_filter(schema, query.filter)
        found = _lookup(connection, schema, realm, _equality(schema, expression.ast), page)
        if found is not None and query.sort_by is None:
            return found
        condition = compile_filter(schema, expression)
    matching = and_(table.c.realm == realm, condition)
    total = select(func.count().label("total")).select_from(table).where(matching).cte("counted")
    order: list[ColumnElement[Any]] = [table.c.id]
    if query.sort_by is not None:
        order = order_by(schema, query.sort_by, query.descending)
    place = func.row_number().over(order_by=order).label("place")
    wanted = (
        select(*rendered(table), place)
        .where(matching)
        .order_by(*order)
        .limit(page.count)
        .offset(page.offset)
        .subquery("page")
    )
    statement = (
        select(total.c.total, *(wanted.c[c.name] for c in rendered(table)))
        .select_from(total.outerjoin(wanted, literal(value=True)))
        .order_by(wanted.c.place)
    )
    rows = connection.execute(statement).all()
    return rows[0].total, [Rendered(*row[1:]) for row in rows if row.id is not None]


def look_up(
    connection: Connection, schema: ResourceSchema, realm: str, query: Query, page: Page
) -> tuple[int, Sequence[Rendered]] | None:
    """Answer a query for one value of an attribute clients match by; ``None`` for any other."""
    if query.filter is None or query.sort_by is not None or page.count > SHORT_PAGE:
        return None
    wanted = plain_equality(query.filter)
    if wanted is None:
        wanted = _equality(schema, parse_filter(schema, query.filter).ast)
    return _lookup(connection, schema, realm, wanted, page)


def _equality(schema: ResourceSchema, node: Any) -> tuple[str, str] | None:
    """Return the attribute of the type itself and the text that a filter has it equal, if so."""
    if not isinstance(node, Comparison) or node.op != CompareOperator.eq:
        return None
    path = node.attr_path
    if path.sub_attr or (path.uri and path.uri.lower() != schema.urn.lower()):
        return None
    return (path.attr, node.value) if isinstance(node.value, str) else None


def _lookup(
    connection: Connection,
    schema: ResourceSchema,
    realm: str,
    wanted: tuple[str, str] | None,
    page: Page,
) -> tuple[int, Sequence[Rendered]] | None:
    """Answer ``attribute eq "value"`` by index, if the answer fits on the first page."""
    if wanted is None or page.offset or not page.count:
        return None
    name, value = wanted
    looked_up = _LOOKUPS.get((schema.name, name.lower()))
    if looked_up is None:
        return None
    statement, key = looked_up
    bound = {"realm": realm, "key": key(value), "limit": page.count + 1}
    rows = statement.rows(connection, bound)
    found = _put_together(schema, rows)
    return None if len(found) > page.count else (len(found), found)


def members_of(
    connection: Connection, realm: str, group_ids: Sequence[str], limit: int | None = None
) -> Mapping[str, Sequence[Reference]]:
    """Return the members of groups, each group's ordered by id."""
    nested = groups.alias("nested")
    statement = (
        select(
            members.c.group_id,
            members.c.member_id,
            members.c.member_type,
            func.coalesce(users.c.display, nested.c.display),
        )
        .outerjoin(users, and_(users.c.realm == members.c.realm, users.c.id == members.c.member_id))
        .outerjoin(
            nested, and_(nested.c.realm == members.c.realm, nested.c.id == members.c.member_id)
        )
        .where(members.c.realm == realm, members.c.group_id.in_(group_ids))
        .order_by(members.c.group_id, members.c.member_id)
        .limit(limit)
    )
    return _grouped(connection.execute(statement).all())


def groups_of(
    connection: Connection, realm: str, member_ids: Sequence[str]
) -> Mapping[str, Sequence[Reference]]:
    """Return the groups that resources are members of, each resource's ordered by id."""
    if len(member_ids) == 1:
        bound = {"realm": realm, "member": member_ids[0]}
        return _grouped(_GROUPS_OF_ONE.rows(connection, bound))
    rows = connection.execute(_GROUPS_OF, {"realm": realm, "members": list(member_ids)}).all()
    return _grouped(rows)


_MEMBERSHIPS = (
    select(members.c.member_id, members.c.group_id, literal("direct"), groups.c.display)
    .outerjoin(groups, and_(groups.c.realm == members.c.realm, groups.c.id == members.c.group_id))
    .where(members.c.realm == bindparam("realm"))
    .order_by(members.c.member_id, members.c.group_id)
)
_GROUPS_OF = _MEMBERSHIPS.where(members.c.member_id.in_(bindparam("members", expanding=True)))
_GROUPS_OF_ONE = Prepared(_MEMBERSHIPS.where(members.c.member_id == bindparam("member")))


def _grouped(rows: Sequence[Any]) -> dict[str, list[Reference]]:
    found: dict[str, list[Reference]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(Reference(*row))
    return found


def shares_external_id(
    connection: Connection, realm: str, resource_type: str, external_id: str, besides: str
) -> Callable[[], bool]:
    """Ask whether another resource of the type has this ``externalId``."""
    bound = {
        "realm": realm,
        "key": comparison.exact(external_id),
        "besides": besides,
    }
    answer = _SHARES[resource_type].promised(connection, bound)
    return lambda: bool(answer())


_SHARES = {
    kind: Prepared(
        select(table.c.id)
        .where(
            table.c.realm == bindparam("realm"),
            table.c.external_id_key == bindparam("key"),
            table.c.id != bindparam("besides"),
        )
        .limit(1)
    )
    for kind, table in TABLES.items()
}


def count_up_to(connection: Connection, realm: str, resource_type: str, limit: int) -> int:
    """Return how many resources of the type the realm has, counted no further than a limit."""
    row = _UP_TO[resource_type].first(connection, {"realm": realm, "limit": limit})
    return int(row[0])


_UP_TO = {
    kind: Prepared(
        select(func.count()).select_from(
            select(table.c.id)
            .where(table.c.realm == bindparam("realm"))
            .limit(bindparam("limit"))
            .subquery()
        )
    )
    for kind, table in TABLES.items()
}
