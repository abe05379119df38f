"""How far a rebuild has come, for whoever watches it."""

from collections.abc import Callable
from typing import NamedTuple


class Reached(NamedTuple):
    """How far it is: what is done of how much, and up to which position of the log."""

    doing: str
    """``filling``, ``verifying``, ``comparing documents`` or ``dropping``."""
    done: int
    total: int
    position: int = 0


Progress = Callable[[Reached], None]


def unwatched(_reached: Reached) -> None:
    """Watch nothing."""
