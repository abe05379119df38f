"""Writing resources: from a request to a command, from what it did to an answer."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from api.app_state import service_of, workers_of
from api.auth import Caller, writer
from api.composition import Service
from api.conditions import HeaderPrecondition, precondition
from api.json_body import read_object
from api.reading import selection_of, view_of
from api.representation import Representation, derived_name, resource_response
from api.selection import Selection
from domain.cause import Actor, Cause, Warned
from domain.ports import Log, Written
from domain.refusals import NoSuchResource
from domain.schemas import USER, ResourceSchema
from projections.directory import Reference, Rendered
from projections.transaction import Last

SMALL_GROUP = 10
"""A PATCH answers with the whole group up to this many members, beyond it with 204."""
FEW_MEMBERS = 100
"""Memberships a write may change on the event loop itself (ADR 0011)."""
C = TypeVar("C")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """Everything a write needs of its request, so that a thread needs the request no more."""

    service: Service
    caller: Caller
    schema: ResourceSchema
    resource_id: str
    """The id in the path, the only one that counts (ABUSE G3); empty for a collection."""
    cause: Cause
    body: dict[str, Any]
    precondition: HeaderPrecondition | None
    selection: Selection

    def weigh(self, members: int | None) -> None:
        """Say how many memberships the write may change, ``None`` when nobody knows yet.

        Many, or no one knows how many: that is not for the event loop.
        """
        if members is None or members > FEW_MEMBERS:
            self.service.database.may_take_long()

    def handle(
        self,
        handler: Callable[[C, Log], Written],
        command: C,
        warnings: Sequence[Warned] = (),
        last: Last | None = None,
    ) -> Written:
        """Run a handler; what it tolerated and recorded nowhere goes to the structured log.

        ``last`` is called right before the commit.
        """
        written = self.service.log.handle(handler, command, last)
        tolerated = [*warnings, *written.warnings]
        if tolerated:
            log.info(
                "request.tolerated",
                realm=self.caller.slug,
                resource_id=written.id,
                recorded=written.changed,
                warnings=[f"{warned.code} {warned.path}" for warned in tolerated],
                correlation_id=self.cause.correlation_id,
            )
        return written

    def answer(self, resource_id: str, status: int = 200, *, bounded: bool = False) -> Response:
        """Return the resource as it stands now.

        ``bounded``: 204 where it has so many members that reading them would cost more than the
        write; RFC 7644 §3.5.2 allows either, and Entra reads neither (ADR 0006).
        """
        database = self.service.database
        # A user comes with its groups: one statement, a snapshot by itself.
        with database.glancing() if self.schema is USER else database.reading() as connection:
            view = view_of(self.service, self.caller, connection)
            row = view.directory.get(connection, self.schema, self.caller.realm, resource_id)
            if row is None:  # deleted by somebody else in the meantime
                raise NoSuchResource(self.schema.name, resource_id)
            if bounded and self.selection.includes(derived_name(self.schema)):
                found = view.directory.members_of(
                    connection, self.caller.realm, [row.id], SMALL_GROUP + 1
                )
                if len(found.get(row.id, ())) > SMALL_GROUP:
                    return Response(status_code=204)
                references = found.get(row.id, ())
            else:
                references = view.derived(connection, self.selection, [row]).get(row.id, ())
        return self._shown(view, row, references, status)

    def answered(
        self,
        handler: Callable[[C, Log], Written],
        command: C,
        warnings: Sequence[Warned],
        status: int = 200,
    ) -> Response:
        """Run a handler on a user; return the user as the handler left it.

        The answer is asked for in the transaction that writes, and comes with its commit.
        """
        answers = list[tuple[Representation, Callable[[], Rendered | None]]]()

        def ask(connection: Connection, touched: Collection[str]) -> None:
            view, (user_id, *_) = view_of(self.service, self.caller, connection), touched
            user = view.directory.asked(connection, self.schema, self.caller.realm, user_id)
            answers[:] = [(view, user)]

        written = self.handle(handler, command, warnings, ask)
        if written.changed:  # else what an attempt asked for that did not come through is no answer
            [(view, user)] = answers
            row = user()
            if row is not None and row.references is not None:
                with_groups = self.selection.includes(derived_name(self.schema))
                return self._shown(view, row, row.references if with_groups else (), status)
        return self.answer(written.id, status)

    def _shown(
        self, view: Representation, row: Rendered, references: Sequence[Reference], status: int
    ) -> Response:
        body = view.resource(self.selection, row, references)
        location = view.location(self.schema, row.id)
        return resource_response(body, row, location, status, created=status == 201)  # noqa: PLR2004


async def run_write(  # noqa: PLR0913  # what a write needs to know of its route
    request: Request,
    schema: ResourceSchema,
    write: Callable[[WriteRequest], Response],
    *,
    has_body: bool = True,
    authenticate: Callable[[Request], Awaitable[Caller]] = writer,
    operation: str | None = None,
) -> Response:
    """Authenticate and read the request, then run ``write`` on it, at once or in a thread.

    ``operation`` is what was asked, where the method and the endpoint do not say it all.

    Raises:
        Answer, Refusal: whatever stands against it; nothing was written then.
    """
    caller = await authenticate(request)
    service = service_of(request)
    workers = workers_of(request)
    body = await read_object(request, service.settings.max_body_bytes) if has_body else {}
    work = WriteRequest(
        service=service,
        caller=caller,
        schema=schema,
        resource_id=request.path_params.get("resource_id", ""),
        cause=cause_of(request, caller, operation or f"{request.method} {schema.endpoint}"),
        body=body,
        precondition=precondition(request),
        selection=selection_of(request, schema),
    )
    return await workers.write(write, work)


def cause_of(request: Request, caller: Caller, operation: str) -> Cause:
    """Return who asks for what, from where, under which correlation id."""
    return Cause(
        realm=caller.realm,
        actor=Actor("client", caller.client_id, caller.token_id),
        correlation_id=request.scope["correlation_id"],
        operation=operation,
        source_address=caller.source_address,
        user_agent=caller.user_agent,
    )
