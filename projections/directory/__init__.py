"""The directory read model: what SCIM queries are answered from.

Each generation is its own immutable declaration of tables and functions; a new shape is a new
generation beside the old one (ADR 0008).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

from sqlalchemy import Connection

from domain.events import RecordedEvent
from domain.schemas import ResourceSchema
from projections.generations import Generation
from projections.registry import Registry

READ_MODEL = "directory"


class Reference(NamedTuple):
    """One end of a membership, seen from ``of``."""

    of: str
    id: str
    type: str
    display: str | None


class Rendered(NamedTuple):
    """A resource as the read model keeps it: JSON text, ready to be put together."""

    id: str
    version: int
    document: str
    """The resource without ``meta`` and without derived attributes."""
    meta: str
    """``meta`` without ``location`` and without its closing brace."""
    references: Sequence[Reference] | None = None
    """The groups of a user where they were asked for with it, ordered by id."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the matching resources is wanted; ``offset`` from 0."""

    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks of the resources of one type."""

    filter: str | None = None
    sort_by: str | None = None
    descending: bool = False


class DirectoryGeneration(Generation, Protocol):
    """What every generation of the directory answers. Each query is one SQL statement."""

    def get(
        self, connection: Connection, schema: ResourceSchema, realm: str, resource_id: str
    ) -> Rendered | None:
        """Return a resource, ``None`` when the realm does not have it; a user with its groups."""
        ...

    def asked(
        self, connection: Connection, schema: ResourceSchema, realm: str, resource_id: str
    ) -> Callable[[], Rendered | None]:
        """Ask what :meth:`get` returns; the answer may come with the commit (ADR 0024)."""
        ...

    def look_up(
        self,
        connection: Connection,
        schema: ResourceSchema,
        realm: str,
        query: Query,
        page: Page,
    ) -> tuple[int, Sequence[Rendered]] | None:
        """Answer as :meth:`find` by one index entry, quickly enough for the event loop.

        ``None`` for any other query. Users come with their groups, in one statement that needs no
        transaction around it. Raises as :meth:`find`.
        """
        ...

    def find(
        self,
        connection: Connection,
        schema: ResourceSchema,
        realm: str,
        query: Query,
        page: Page,
    ) -> tuple[int, Sequence[Rendered]]:
        """Return how many resources match, and the wanted page of them in stable order.

        Raises:
            InvalidFilter, InvalidPath: the filter or the sort attribute is not acceptable.
        """
        ...

    def asks_memberships(self, schema: ResourceSchema, filter_text: str) -> bool:
        """Whether a filter asks for memberships, which are not told by a resource's own events.

        Raises:
            InvalidFilter: the filter is not acceptable.
        """
        ...

    def matching(  # noqa: PLR0913, PLR0917  # the parts of one question
        self,
        connection: Connection,
        schema: ResourceSchema,
        realm: str,
        filter_text: str | None,
        after: str,
        last: str,
    ) -> Sequence[Rendered]:
        """Return what :meth:`find` would, of the ids after one and up to another, by id."""
        ...

    def members_of(
        self, connection: Connection, realm: str, groups: Sequence[str], limit: int | None = None
    ) -> Mapping[str, Sequence[Reference]]:
        """Return the members of groups, each group's ordered by id."""
        ...

    def groups_of(
        self, connection: Connection, realm: str, members: Sequence[str]
    ) -> Mapping[str, Sequence[Reference]]:
        """Return the groups that resources are members of, each resource's ordered by id."""
        ...

    def folded(self, events: Sequence[RecordedEvent[Any]]) -> Rendered | None:
        """Return a resource as its events leave it, rendered; ``None`` when it is deleted."""
        ...

    def count_up_to(
        self, connection: Connection, realm: str, resource_type: str, limit: int
    ) -> int:
        """Return how many resources of the type the realm has, counted no further than a limit."""
        ...

    def shares_external_id(
        self,
        connection: Connection,
        realm: str,
        resource_type: str,
        external_id: str,
        besides: str,
    ) -> Callable[[], bool]:
        """Ask whether another resource of the type has this ``externalId``."""
        ...


def live_directory(registry: Registry, connection: Connection) -> DirectoryGeneration:
    """Return the generation of the directory that is read now."""
    return cast("DirectoryGeneration", registry.live(connection, READ_MODEL))
