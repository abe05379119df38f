"""A large directory in little time: many resources a transaction, through the transaction of
ADR 0003. What is in the database afterwards is what as many requests would have left there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from api.composition import Service, open_service
from api.settings import Settings
from domain.cause import Actor, Cause
from domain.group import Group
from domain.handlers.users import USER_NAME
from domain.schemas import GROUP
from domain.schemas import USER as USER_SCHEMA
from domain.user import User
from projections.realms import get_realm

from .directory import Directory
from .entra_users import EntraUser, user_document

AT_ONCE = 500


@contextmanager
def service_at(url: str, key: Path) -> Iterator[Service]:
    """The service of a migrated database, inside this process."""
    service = open_service(Settings(database_url=url, key_file=key), may_migrate=True)
    try:
        yield service
    finally:
        service.close()


def cause_in(service: Service, slug: str) -> Cause:
    with service.database.reading() as connection:
        realm = get_realm(connection, slug).realm
    return Cause(realm, Actor("operator", "bench"), "b" * 32, "bench")


def fill_users(service: Service, cause: Cause, directory: Directory, count: int) -> None:
    """Add users until the directory has so many."""
    while missing := count - len(directory.users):
        _add_users(service, cause, directory, min(AT_ONCE, missing))


def _add_users(service: Service, cause: Cause, directory: Directory, count: int) -> None:
    new = [directory.next_user() for _ in range(count)]
    with service.log.transaction(cause) as work:
        for user in new:
            user.id = service.log.new_id()
            known = User(_document(user, directory.manager))
            work.claims.take(USER_NAME, known.name_key, user.id)
        for user in new:
            events = User.create(_document(user, directory.manager))
            work.append(user.id, USER_SCHEMA.name, events)
    for user in new:
        directory.keep(user)


def _document(user: EntraUser, manager: str | None) -> dict[str, object]:
    """What the service keeps of a POST."""
    sent = user_document(user, manager)
    return {name: value for name, value in sent.items() if name not in ("schemas", "meta")}


def fill_groups(
    service: Service, cause: Cause, count: int, members: Sequence[str]
) -> Sequence[str]:
    """Make groups that all have these members, and return their ids."""
    ids = [service.log.new_id() for _ in range(count)]
    kinds = dict.fromkeys(members, USER_SCHEMA.name)
    for start in range(0, count, AT_ONCE):
        batch = ids[start : start + AT_ONCE]
        with service.log.transaction(cause) as work:
            for id_ in batch:
                work.members.add(id_, kinds)
            for id_ in batch:
                created = Group.Created({"displayName": f"group {id_}"})
                work.append(id_, GROUP.name, [created, Group.MembersAdded(tuple(sorted(members)))])
    return ids


def as_autovacuum_would(service: Service) -> None:
    """Give the planner the statistics that a directory filled by requests would have by now."""
    with service.database.migrating() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
