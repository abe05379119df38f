"""The audit interface: what was, under ``/realms/{realm}/audit/v1`` (scope ``audit.read``)."""

from fastapi import APIRouter

from api.audit import history, past

router = APIRouter()
router.routes.extend(past.router.routes)
router.routes.extend(history.router.routes)
