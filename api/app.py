"""The application: routes, and what each kind of failure is answered with."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from anyio import to_thread
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from sqlalchemy import select
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from api import audit, discovery, groups, reading, users
from api.app_state import service_of, workers_of
from api.auth import reader
from api.composition import Service, followings_of, open_service
from api.edge import Edge
from api.errors import Answer, answer_response, error_response, refusal_response
from api.logs import configure
from api.oauth import router as oauth
from api.operators.counting import RequestCounter
from api.operators.sharing import shared_folder
from api.representation import json_response
from api.settings import read_settings
from domain.refusals import Refusal, Unavailable
from domain.schemas import GROUP, USER
from projections.followers.leader import Leader
from projections.journal.buffer import Journal
from projections.journal.retention import Retention
from projections.processes import Presence
from projections.tables import generations

log = structlog.get_logger()
GC_THRESHOLDS = (20_000, 20, 20)
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The operators' listener has the counts; asking anew at each request who else listens is dear."""
health = APIRouter()
unsupported = APIRouter()


@health.get("/health/live")
async def live() -> Response:
    """Answer that the process runs."""
    return json_response({"status": "live"})


@health.get("/health/ready")
async def ready(request: Request) -> Response:
    """Answer whether requests can be served: the database answers. 503 otherwise."""
    await workers_of(request).glance(_reach_database, service_of(request))
    return json_response({"status": "ready"})


def _reach_database(service: Service) -> None:
    with service.database.reading() as connection:
        connection.execute(select(generations.c.read_model).limit(1))


@unsupported.api_route("/realms/{realm}/scim/v2/Me", methods=["GET", "POST", "PUT", "PATCH"])
@unsupported.api_route("/realms/{realm}/scim/v2/Bulk", methods=["POST"])
async def not_implemented(request: Request) -> Response:
    """Answer 501 where the protocol knows an endpoint and this service provider does not."""
    await reader(request)
    raise Answer(501, "this service provider does not support this endpoint")


def create_app(service: Service | None = None) -> FastAPI:
    """Return the application; by itself it opens the service of the environment's settings."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = service or open_service(read_settings())
        app.state.service = opened
        opened.database.settle()
        days = opened.settings.journal_days
        retention = Retention(opened.database, days, opened.log.clock)
        presence = Presence(opened.database, opened.registry, opened.log.clock)
        chores = [retention.step, opened.database.tidy]
        leader = Leader(opened.database, partial(followings_of, opened), chores, presence.keep)
        journal = Journal(opened.database)
        app.state.journal = journal if days else None
        folder = shared_folder()
        counter = app.state.counter = None if folder is None else RequestCounter(folder)
        if counter is not None:
            counter.start()
        if service is None:
            presence.keep()  # before the first write: what it does not know must wait for it
            leader.start()
            journal.start()
        # What exists by now stays; collecting it again and again finds nothing (ADR 0011).
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        yield
        if counter is not None:
            await counter.stop()
        if service is None:
            await to_thread.run_sync(leader.stop)
            await to_thread.run_sync(journal.stop)
            await to_thread.run_sync(presence.leave)
            opened.close()

    if service is None:
        configure(read_settings().log_level)
    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    for router in (
        users.router,
        groups.router,
        reading.reading_router(USER),
        reading.reading_router(GROUP),
        discovery.router,
        audit.router,
        reading.root,
        oauth,
        unsupported,
        health,
    ):
        # One flat table: no prefix or dependency is added here, and whoever reads app.routes (the
        # Allow header, the test that every route asks for a token) sees every route.
        app.router.routes.extend(router.routes)
    _answer_failures(app)
    app.add_middleware(Edge)
    return app


def _answer_failures(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> Response:
        if isinstance(refusal, Unavailable):
            log.warning(
                "request.unavailable",
                cause=repr(refusal.__cause__),
                correlation_id=request.scope["correlation_id"],
            )
        return refusal_response(refusal)

    @app.exception_handler(Answer)
    async def answered(_request: Request, answer: Answer) -> Response:
        return answer_response(answer)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, _error: RequestValidationError) -> Response:
        return error_response(400, "the request cannot be read", "invalidSyntax")

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        detail = {
            404: "there is nothing at this address",
            405: "this method is not supported at this address",
        }.get(error.status_code, str(error.detail))
        headers = error.headers
        if error.status_code == 405:  # noqa: PLR2004  # an HTTP status
            headers = {"Allow": ", ".join(sorted(_allowed(request)))}
        return error_response(error.status_code, detail, headers=headers)


def _allowed(request: Request) -> set[str]:
    """Return the methods served at an address, over all routes: Starlette names the first's."""
    found: set[str] = set()
    for route in request.app.routes:
        matched, _ = route.matches({**request.scope, "method": "OPTIONS"})
        if matched is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return found
