"""How far a rebuild has come, for whoever watches it."""

from collections.abc import Callable
from typing import NamedTuple


class Moment(NamedTuple):
    """A moment of a rebuild: what is done of how much, and the position of the log reached."""

    doing: str
    """``filling``, ``verifying`` or ``dropping``."""
    done: int
    total: int
    position: int = 0


Progress = Callable[[Moment], None]


def unwatched(_moment: Moment) -> None:
    """Watch nothing."""
