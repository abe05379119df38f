"""The audit interface: what was, under ``/realms/{realm}/audit/v1`` (scope ``audit.read``)."""

from fastapi import APIRouter

from api.audit import directory, history, past, requests, undo

router = APIRouter()
for _part in (past, directory, history, requests, undo):
    router.routes.extend(_part.router.routes)
