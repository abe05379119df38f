"""What the rest asks of a database engine (ADR 0003, ADR 0012)."""

from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy import URL, Connection, Engine, MetaData

LEADER = "leader"
"""What is held by the process that follows the log."""
WAIT_SECONDS = 5
"""How long anything waits for the pool, the right to write or a lock of the database."""


class UnsupportedDatabase(ValueError):
    """The database URL cannot be used by this release."""


class WouldWait(Exception):
    """Something was to be done without waiting, and would have had to wait."""


class MayTakeLong(WouldWait):
    """What follows may take long, whoever holds the right to write."""


class Begin(Enum):
    """What a transaction is for."""

    READ = auto()
    """Several statements, one snapshot."""
    WRITE = auto()
    """The right to write from the first statement on."""
    WRITE_AT_ONCE = auto()
    """As ``WRITE``, or :class:`WouldWait`."""
    WRITE_ALONE = auto()
    """As ``WRITE``, and nobody else writes meanwhile."""
    WRITE_BESIDE = auto()
    """To write what is not of the log: no reader of the log waits for it."""
    FILL = auto()
    """As ``WRITE_BESIDE``, and the commit need not be on the disk: it would be done again."""
    FOLLOW = auto()
    """As ``WRITE``, and as for ``FILL`` the commit need not be on the disk."""
    SWITCH = auto()
    """As ``WRITE_ALONE``, but for readers of a table it waits no longer than for a blink."""
    VERIFY = auto()
    """As ``READ``, for statements that may take long."""
    HEAD = auto()
    """To learn the head of the log while nobody writes: over at once."""
    MIGRATE = auto()
    """The right to change the schema; waits as long as another migration takes."""


class Verdict(Enum):
    """What a database error means for the command that met it."""

    OUTAGE = auto()
    """The database is busy or gone: the client may come again."""
    CONFLICT = auto()
    """Others got in the way (deadlock, serialisation): to be decided again."""
    DEFECT = auto()
    """The statement itself is at fault."""


class Finding(NamedTuple):
    """A setting that durability or order depend on, as ``rollbook doctor`` shows it."""

    setting: str
    value: str
    wanted: str
    ok: bool
    advice: str = ""


class Hold(Protocol):
    """What only one process of a database has at a time; it ends with that process, at once."""

    def held(self) -> bool:
        """Whether it is still ours: asked before each piece of work."""
        ...

    def release(self) -> None:
        """Give it up."""
        ...


class Backend(Protocol):
    """One engine."""

    name: str
    """SQLAlchemy's name of the dialect."""
    writers: int
    """How many calls of a process may write at a time."""
    readers: int
    """How many calls of a process may read at a time."""
    waits: bool
    """Whether a call waits for a server: on the event loop, others then go on meanwhile."""
    slice_seconds: float
    """How long a transaction of a long task may take, so that those of others go on beside it."""
    fillers: int
    """How many threads fill a read model at a time."""
    embedded: bool
    """Whether the database is a file of this process's machine, made by whoever opens it first."""
    overlap: int
    """Microseconds that an event may be recorded later than another of a higher position: how long
    transactions overlap at most. 0 where they do not."""
    driver_error: type[Exception]
    """The base class of what the driver raises for a prepared statement."""

    def checked(self, url: URL) -> URL:
        """Return the URL as SQLAlchemy needs it. Raises :class:`UnsupportedDatabase`."""
        ...

    def create_engine(self, url: URL) -> Engine:
        """Return an engine with its pool; every connection has the settings we rely on."""
        ...

    def connect(self, engine: Engine) -> Connection:
        """Take a connection from the pool. Raises ``sqlalchemy.exc.TimeoutError`` if none is free.

        On the event loop of an engine that waits, others go on meanwhile.
        """
        ...

    def begin(self, driver: Any, what_for: Begin) -> None:
        """Begin a transaction on a connection of the driver."""
        ...

    def is_broken(self, driver: Any) -> bool:
        """Whether a connection of the driver is lost, and with it all of its age."""
        ...

    def verdict(self, error: BaseException | None) -> Verdict:
        """Return what an error of the driver means."""
        ...

    def remedy(self, reason: str) -> str:
        """Return what an operator can do about an outage of which the driver says ``reason``."""
        ...

    def violated(self, error: BaseException, metadata: MetaData) -> str | None:
        """Return the name of the constraint that an error says was violated."""
        ...

    def tidy(self, driver: Any) -> None:
        """Do what commits leave for a quiet moment, on a connection without a transaction."""
        ...

    def hold(self, url: URL, what: str, *, once: bool) -> Hold | None:
        """Take what only one process may have, ``None`` while another one has it."""
        ...

    def examine(self, connection: Connection) -> Sequence[Finding]:
        """Return the settings that durability and order depend on, as they are in force."""
        ...

    def file(self, url: URL) -> Path | None:
        """Return the file of an embedded database."""
        ...
