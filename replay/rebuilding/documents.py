"""Comparing what clients are answered with: every document, rendered from both generations."""

from collections.abc import Iterator
from typing import cast

from sqlalchemy import Connection, bindparam, func, or_, select

from domain.schemas import SCHEMAS
from projections.directory import READ_MODEL, DirectoryGeneration, Rendered
from projections.generations import Generation
from projections.spares import declaration_of, speaking
from projections.tables import streams
from replay.rebuilding.comparing import Difference
from replay.rebuilding.progress import Progress, Reached

SAMPLE = 1_000
_PAGE = 500


def renders(generation: Generation) -> bool:
    """Whether a read model holds documents."""
    return generation.read_model == READ_MODEL


def compare_documents(
    connection: Connection, old: Generation, new: Generation, *, full: bool, progress: Progress
) -> Iterator[Difference | None]:
    """Yield, for every resource or for each of a sample, a difference or that there is none."""
    total = connection.scalar(_COUNT) or 0
    step = 1 if full else max(1, total // SAMPLE)
    for number, (realm, id_, kind) in enumerate(_resources(connection)):
        if number % step:
            continue
        said, says = (_rendered(connection, each, realm, id_, kind) for each in (old, new))
        progress(Reached("comparing documents", number + 1, total))
        yield None if said == says else _difference(realm, id_, said, says)


def _rendered(
    connection: Connection, generation: Generation, realm: str, id_: str, kind: str
) -> Rendered | None:
    declared = cast("DirectoryGeneration", declaration_of(generation))
    with speaking(connection, generation):
        return declared.get(connection, SCHEMAS[kind], realm, id_)


def _difference(realm: str, id_: str, old: Rendered | None, new: Rendered | None) -> Difference:
    if old is None or new is None:
        return Difference(realm, "documents", id_, "document", str(old), str(new))
    name = next(name for name in Rendered._fields if getattr(old, name) != getattr(new, name))
    return Difference(
        realm, "documents", id_, name, str(getattr(old, name)), str(getattr(new, name))
    )


def _resources(connection: Connection) -> Iterator[tuple[str, str, str]]:
    after = ("", "")
    while True:
        bound = {"realm_after": after[0], "id_after": after[1]}
        page = connection.execute(_PAGE_OF, bound).all()
        yield from ((row.realm, row.id, row.type) for row in page)
        if len(page) < _PAGE:
            return
        after = (page[-1].realm, page[-1].id)


_LIVING = (streams.c.type.in_(tuple(SCHEMAS)), streams.c.deleted.is_(False))
_COUNT = select(func.count()).select_from(streams).where(*_LIVING)
_PAGE_OF = (
    select(streams.c.realm, streams.c.id, streams.c.type)
    .where(
        *_LIVING,
        or_(
            streams.c.realm > bindparam("realm_after"),
            (streams.c.realm == bindparam("realm_after")) & (streams.c.id > bindparam("id_after")),
        ),
    )
    .order_by(streams.c.realm, streams.c.id)
    .limit(_PAGE)
)
