"""If-Match and If-None-Match (RFC 7644 §3.14, RFC 9110 §13); scim2-server reads the headers."""

from dataclasses import dataclass

from scim2_models import PreconditionFailedException
from scim2_server.conditions import Conditions
from starlette.requests import Request

from domain.refusals import InvalidValue, VersionMismatch

MAX_HEADER = 1_024
MAX_TAGS = 10


@dataclass(frozen=True, slots=True)
class HeaderPrecondition:
    """What the headers of a request say about the version it knows."""

    conditions: Conditions
    method: str

    def holds(self, tag: str) -> bool:
        """Whether a resource with this entity tag may be written."""
        try:
            return self.conditions.check(tag, self.method)
        except PreconditionFailedException:
            return False


def precondition(request: Request) -> HeaderPrecondition | None:
    """Return the precondition of a write, ``None`` when it has none.

    Raises:
        InvalidValue: a header is absurdly long (ABUSE G19).
    """
    headers = request.headers
    if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
    if if_match is None and if_none_match is None:
        return None
    for header in (if_match or "", if_none_match or ""):
        if len(header) > MAX_HEADER or header.count(",") >= MAX_TAGS:
            raise InvalidValue(f"If-Match and If-None-Match may list {MAX_TAGS} tags at most")
    if any(h is not None and h.strip() in ("", "W/*") for h in (if_match, if_none_match)):
        # The library reads these as no condition, or as any version.
        raise InvalidValue("If-Match and If-None-Match name entity tags, or are *")
    return HeaderPrecondition(Conditions(if_match, if_none_match), request.method)


def not_modified(request: Request, tag: str) -> bool:
    """Whether a GET may be answered 304.

    Raises:
        VersionMismatch: the client wants a version that is not the present one.
    """
    held = precondition(request)
    if held is None:
        return False
    try:
        return not held.conditions.check(tag, "GET")
    except PreconditionFailedException:
        raise VersionMismatch(tag) from None
