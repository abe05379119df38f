"""The audit interface: what was, under ``/realms/{realm}/audit/v1`` (scope ``audit.read``)."""

from fastapi import APIRouter

from api.audit import past, requests

router = APIRouter()
router.routes.extend(past.router.routes)
router.routes.extend(requests.router.routes)
