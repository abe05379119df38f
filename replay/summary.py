"""How much happened between two instants, by day, by action or by who did it: for a report."""

from collections.abc import Sequence

from domain.instants import instant
from domain.refusals import InvalidValue
from projections.audit.positions import Stretch
from projections.audit.reading import MICROSECONDS_A_DAY, Group, counts
from projections.log import SqlLog
from replay.history import Between
from replay.telling import Told

_GROUPS: dict[str, Group] = {"day": "day", "action": "action", "client": "client"}
_DATE = len("2026-03-03")


def summary(log: SqlLog, realm: str, span: Between, by: str) -> Sequence[Told]:
    """Return the number of events of each day (UTC), action or actor: ``{by: …, "events": n}``.

    Raises:
        InvalidValue: ``by`` is none of ``day``, ``action`` and ``client``.
        Unavailable: the database is busy or gone.
    """
    if by not in _GROUPS:
        raise InvalidValue(f"by is one of {', '.join(_GROUPS)}")
    group = _GROUPS[by]
    with log.database.reading() as connection:
        stretch = Stretch(span.after, span.upto + 1)
        found = counts(connection, log.events, realm, stretch, group)
    told: list[Told] = []
    for key, events in sorted(found.items()):
        match group:
            case "day":
                told.append({"day": instant(key[0] * MICROSECONDS_A_DAY)[:_DATE], "events": events})
            case "action":
                told.append({"action": key[0], "events": events})
            case "client":
                told.append({"client": {"kind": key[0], "id": key[1]}, "events": events})
    return told
