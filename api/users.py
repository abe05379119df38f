"""Users over HTTP: POST, PUT, PATCH and DELETE become commands (RFC 7644 §3.3 to §3.6)."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.documents import read_resource
from api.patches import Limits, read_patch
from api.writing import WriteRequest, run_write
from domain.commands import CreateUser, DeleteUser, PatchUser, ReplaceUser
from domain.handlers.users import create_user, delete_user, patch_user, replace_user
from domain.patching import is_short
from domain.schemas import USER

router = APIRouter()
_COLLECTION = "/realms/{realm}/scim/v2/Users"
_RESOURCE = _COLLECTION + "/{resource_id}"


@router.route(_COLLECTION, methods=["POST"])
async def create(request: Request) -> Response:
    """Create a user: 201 with the whole resource."""

    def write(work: WriteRequest) -> Response:
        body = read_resource(USER, work.body, work.service.settings.max_members)
        command = CreateUser(work.cause, body.document, body.warnings)
        return work.answered(create_user, command, body.warnings, 201)

    return await run_write(request, USER, write)


@router.route(_RESOURCE, methods=["PUT"])
async def replace(request: Request) -> Response:
    """Replace a user: 200 with the whole resource; the id of the path counts (ABUSE G3)."""

    def write(work: WriteRequest) -> Response:
        body = read_resource(USER, work.body, work.service.settings.max_members)
        command = ReplaceUser(
            work.cause, work.resource_id, body.document, body.warnings, work.precondition
        )
        return work.answered(replace_user, command, body.warnings)

    return await run_write(request, USER, write)


@router.route(_RESOURCE, methods=["PATCH"])
async def patch(request: Request) -> Response:
    """Change a user: 200 with the whole resource, also where nothing changed."""

    def write(work: WriteRequest) -> Response:
        settings = work.service.settings
        limits = Limits(settings.max_operations, settings.max_members)
        body = read_patch(USER, work.resource_id, work.body, limits)
        if not is_short(USER, body.operations):
            work.weigh(None)
        command = PatchUser(
            work.cause, work.resource_id, body.operations, body.warnings, work.precondition
        )
        return work.answered(patch_user, command, body.warnings)

    return await run_write(request, USER, write)


@router.route(_RESOURCE, methods=["DELETE"])
async def delete(request: Request) -> Response:
    """Delete a user: 204."""

    def write(work: WriteRequest) -> Response:
        work.weigh(None)
        work.handle(delete_user, DeleteUser(work.cause, work.resource_id, work.precondition))
        return Response(status_code=204)

    return await run_write(request, USER, write, has_body=False)
