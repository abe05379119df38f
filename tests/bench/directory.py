"""What the bench knows of the directory it filled, to judge answers by."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from .entra_users import EntraGroup, EntraUser, new_user


@dataclass(slots=True)
class Directory:
    """The users and groups of one server, in the order they were created.

    `unread` are users whose last write was answered without a body, `deleted` the ids of users
    that must be gone: both are read back off the clock.
    """

    users: list[EntraUser] = field(default_factory=list)
    by_id: dict[str, EntraUser] = field(default_factory=dict)
    groups: list[EntraGroup] = field(default_factory=list)
    unread: dict[str, EntraUser] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    patches: int = 0
    _users_made: int = 0
    _groups_made: int = 0

    @property
    def manager(self) -> str | None:
        return self.users[0].id if self.users else None

    def next_user(self) -> EntraUser:
        self._users_made += 1
        return new_user(self._users_made)

    def next_group(self) -> EntraGroup:
        self._groups_made += 1
        return EntraGroup(self._groups_made)

    def next_patch(self) -> int:
        """A number no earlier PATCH used, so that each one changes something."""
        self.patches += 1
        return self.patches

    def keep(self, user: EntraUser) -> None:
        self.users.append(user)
        self.by_id[user.id] = user

    def forget_newest(self, count: int) -> list[EntraUser]:
        """Take out the newest users, never the first one, who is everybody's manager."""
        kept = max(1, len(self.users) - count)
        leaving, self.users = self.users[kept:], self.users[:kept]
        for user in leaving:
            del self.by_id[user.id]
            self.unread.pop(user.id, None)
        return leaving


def instant(stamp: str) -> datetime:
    """A SCIM dateTime (RFC 7643 section 2.3.5); the epoch when a server gave none."""
    return datetime.fromisoformat(stamp) if stamp else datetime.fromtimestamp(0, UTC)
