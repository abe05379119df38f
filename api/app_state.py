"""What the requests of one application share: parts that live as long as ``app.state`` does.

The service is put there by whoever builds the application; the rest is made when first needed, so
that a test may put its own there instead, with a clock of its own.
"""

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from api.composition import Service
from api.grants import GrantCache
from api.offload import Workers
from api.throttle import FailureThrottle

P = TypeVar("P")


def service_of(request: Request) -> Service:
    """Return the service, ``app.state.service``."""
    service: Service = request.app.state.service
    return service


def workers_of(request: Request) -> Workers:
    """Return the threads of this process, ``app.state.workers``."""
    return _part(request, "workers", lambda: Workers(service_of(request).database))


def grants_of(request: Request) -> GrantCache:
    """Return the cache of bearer tokens, ``app.state.grants``."""
    return _part(request, "grants", GrantCache)


def throttle_of(request: Request) -> FailureThrottle:
    """Return the throttle of failed authentications, ``app.state.throttle``."""
    return _part(request, "throttle", FailureThrottle)


def _part(request: Request, name: str, make: Callable[[], P]) -> P:
    state = request.app.state
    if not hasattr(state, name):
        setattr(state, name, make())
    part: P = getattr(state, name)
    return part
