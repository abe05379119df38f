"""Who caused an event, from where, by which request: what an auditor asks first."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a client with a token, an operator at the command line, or the system itself."""

    kind: Literal["client", "operator", "system"]
    id: str
    token_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """The circumstances every event of one request shares."""

    realm: str
    """The id of the realm, never its slug."""
    actor: Actor
    correlation_id: str
    """One a request, made by the server: 32 hexadecimal digits."""
    operation: str
    """What was asked: ``POST /Users``, ``PATCH /Groups``, ``rollbook realm create`` …"""
    source_address: str | None = None
    user_agent: str | None = None
    causation_id: str | None = None
    """``stream@version`` of the event that made this one necessary, if any."""

    def following(self, stream_id: str, version: int) -> "Cause":
        """Return the cause of what follows from an event."""
        return replace(self, causation_id=f"{stream_id}@{version}")


class Warned(NamedTuple):
    """Something tolerated that an administrator may want to know: a code and a path."""

    code: str
    path: str
