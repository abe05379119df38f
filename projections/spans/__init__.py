"""The spans read model: who was a member of what, and what a resource was called, over time.

Written inline, so that a question about an instant is one indexed statement (ADR 0015).
"""

from typing import NamedTuple

READ_MODEL = "spans"


class Span(NamedTuple):
    """A membership as it stood then; ``display`` is the ``displayName`` of that instant."""

    id: str
    type: str
    display: str | None
