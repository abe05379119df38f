"""A long log in little time: two events a user, straight into the tables that a rebuild reads."""

from uuid import UUID

from sqlalchemy import insert

from api.composition import Service
from domain.cause import Cause
from domain.document import Change
from domain.events import RecordedEvent
from domain.user import User
from projections.mapper import EventMapper
from projections.tables import events, streams

from .entra_users import new_user, user_document

AT_ONCE = 2_000
EVENTS_EACH = 2


def write_log(service: Service, cause: Cause, users: int) -> int:
    """Write the log and the heads of so many users; return the newest position.

    The first event of every user comes before the second of any, as in a directory that grew and
    was changed later.
    """
    ids = [service.log.new_id() for _ in range(users)]
    for version in range(1, EVENTS_EACH + 1):
        for start in range(0, users, AT_ONCE):
            _write(service, cause, ids[start : start + AT_ONCE], start, version)
    return service.database.safe_head()


def _write(service: Service, cause: Cause, ids: list[str], start: int, version: int) -> None:
    mapper, rows, heads = EventMapper(), [], []
    for number, id_ in enumerate(ids, start):
        if version == 1:
            sent = user_document(new_user(number), None)
            document = {k: v for k, v in sent.items() if k not in {"schemas", "meta"}}
            event = User.create(document)[0]
        else:
            event = User.AttributesChanged({"title": Change(None, f"Title {number}")})
        recorded = RecordedEvent(UUID(id_), version, event, version, cause)
        stored = mapper.to_stored_event(recorded)
        rows.append(
            {
                "originator_id": id_,
                "originator_version": version,
                "topic": stored.topic,
                "state": stored.state,
                "realm": cause.realm,
                "recorded_at": version,
                "correlation_id": cause.correlation_id,
            }
        )
        heads.append(
            {
                "realm": cause.realm,
                "id": id_,
                "type": "User",
                "version": EVENTS_EACH,
                "deleted": False,
                "recorded_at": EVENTS_EACH,
                "correlation_id": cause.correlation_id,
            }
        )
    with service.database.writing() as connection:
        connection.execute(insert(events), rows)
        if version == 1:
            connection.execute(insert(streams), heads)
        connection.commit()
