"""Groups over HTTP: POST, PUT, PATCH and DELETE become commands (RFC 7644 §3.3 to §3.6)."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.documents import read_resource
from api.patches import Limits, read_patch
from api.writing import WriteRequest, run_write
from domain.commands import CreateGroup, DeleteGroup, PatchGroup, ReplaceGroup
from domain.handlers.groups import create_group, delete_group, patch_group, replace_group
from domain.schemas import GROUP

router = APIRouter()
_COLLECTION = "/realms/{realm}/scim/v2/Groups"
_RESOURCE = _COLLECTION + "/{resource_id}"


@router.post(_COLLECTION)
async def create(request: Request) -> Response:
    """Create a group, with members where the client names them: 201."""

    def write(work: WriteRequest) -> Response:
        body = read_resource(GROUP, work.body, work.service.settings.max_members)
        work.weigh(len(body.members.wanted))
        command = CreateGroup(work.cause, body.document, body.members, body.warnings)
        written = work.handle(create_group, command, body.warnings)
        return work.answer(written.id, 201)

    return await run_write(request, GROUP, write)


@router.put(_RESOURCE)
async def replace(request: Request) -> Response:
    """Replace a group: 200; members stay where the client does not name them (ADR 0006)."""

    def write(work: WriteRequest) -> Response:
        work.weigh(None)
        body = read_resource(GROUP, work.body, work.service.settings.max_members)
        command = ReplaceGroup(
            work.cause,
            work.resource_id,
            body.document,
            body.members,
            body.warnings,
            work.precondition,
        )
        work.handle(replace_group, command, body.warnings)
        return work.answer(work.resource_id)

    return await run_write(request, GROUP, write)


@router.patch(_RESOURCE)
async def patch(request: Request) -> Response:
    """Change a group: 200 with the whole resource, 204 where it has very many members."""

    def write(work: WriteRequest) -> Response:
        settings = work.service.settings
        limits = Limits(settings.max_operations, settings.max_members)
        body = read_patch(GROUP, work.resource_id, work.body, limits)
        replaced = body.members.replace is not None
        work.weigh(None if replaced else len(body.members.add) + len(body.members.remove))
        command = PatchGroup(
            work.cause,
            work.resource_id,
            body.operations,
            body.members,
            body.warnings,
            work.precondition,
        )
        work.handle(patch_group, command, body.warnings)
        return work.answer(work.resource_id, bounded=True)

    return await run_write(request, GROUP, write)


@router.delete(_RESOURCE)
async def delete(request: Request) -> Response:
    """Delete a group: 204; its members stay."""

    def write(work: WriteRequest) -> Response:
        work.weigh(None)
        work.handle(delete_group, DeleteGroup(work.cause, work.resource_id, work.precondition))
        return Response(status_code=204)

    return await run_write(request, GROUP, write, has_body=False)
