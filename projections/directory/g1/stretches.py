"""Reading a stretch of ids of generation 1 of the directory: for who goes through all of it."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from domain.schemas import ResourceSchema
from projections.directory import Rendered
from projections.directory.g1.filters import compile_filter, parse_filter
from projections.directory.g1.projection import TABLES
from projections.directory.g1.queries import rendered


def matching(  # noqa: PLR0913, PLR0917  # the parts of one question
    connection: Connection,
    schema: ResourceSchema,
    realm: str,
    filter_text: str | None,
    after: str,
    last: str,
) -> Sequence[Rendered]:
    """Return what matches among the ids after one and up to another, by id."""
    table = TABLES[schema.name]
    found = select(*rendered(table)).where(
        table.c.realm == realm, table.c.id > after, table.c.id <= last
    )
    if filter_text is not None:
        found = found.where(compile_filter(schema, parse_filter(schema, filter_text)))
    return [Rendered(*row) for row in connection.execute(found.order_by(table.c.id))]
