"""The rows of the comparison, in the order a round takes them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random

from .directory import Directory
from .entra_users import EntraUser
from .filters import (
    contains_and_active,
    either_name,
    filtering,
    modified_after,
    starts_with,
    work_email,
)
from .group_workloads import (
    ADDED_AT_ONCE,
    add_to_group,
    create_group,
    delete_group,
    get_group,
    get_group_without_members,
    remove_one_by_one,
)
from .wire import Conversation
from .workloads import (
    PAGE,
    create_user,
    delete_user,
    get_page,
    get_user,
    look_up,
    patch_user,
    post_user,
)

SINGLE_ADDS = 5
"""Members added one by one to each group of a round, and removed again."""

Begin = Callable[[Directory, int], Iterator[Conversation]]


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the result: a kind of conversation.

    `begin(directory, size)` prepares the conversations before the clock starts. Reads and patches
    go on as long as the round lasts; what grows or shrinks the directory has a number of
    conversations that follows from `size`, so that both servers hold the same directory after it.
    """

    name: str
    begin: Begin
    endless: bool = False

    @property
    def workload(self) -> str:
        return self.name.partition(".")[0]


def each_user(conversation: Callable[[Directory, EntraUser], Conversation]) -> Begin:
    """All users in a shuffled order, again and again."""

    def begin(directory: Directory, size: int) -> Iterator[Conversation]:
        rng = Random(size)  # noqa: S311 - a repeatable order, no secret
        users = rng.sample(directory.users, len(directory.users))
        return (conversation(directory, user) for user in cycle(users))

    return begin


def patching(*attributes: str) -> Begin:
    return each_user(lambda directory, user: patch_user(directory, user, *attributes))


def _pages(directory: Directory, size: int) -> Iterator[Conversation]:
    seen: dict[str, int] = {}
    starts = range(1, len(directory.users) + 1, PAGE)
    return (get_page(directory, start, seen) for start in cycle(starts))


def _creates(directory: Directory, size: int) -> Iterator[Conversation]:
    return (create_user(directory, directory.next_user()) for _ in range(size))


def posts(directory: Directory, size: int) -> Iterator[Conversation]:
    """POST alone: also how a directory is filled before a measurement."""
    return (post_user(directory, directory.next_user()) for _ in range(size))


def _deletes(directory: Directory, size: int) -> Iterator[Conversation]:
    """What the round's two creating steps made."""
    leaving = directory.forget_newest(2 * size)
    return (delete_user(directory, user) for user in leaving)


def _group_creates(directory: Directory, size: int) -> Iterator[Conversation]:
    return (create_group(directory) for _ in range(max(1, size // 5)))


def _ids(directory: Directory) -> list[str]:
    return [user.id for user in directory.users]


def _hundreds(directory: Directory, size: int) -> Iterator[Conversation]:
    ids = _ids(directory)[:ADDED_AT_ONCE]
    return (add_to_group(group, [ids]) for group in directory.groups)


def _single_members(directory: Directory) -> list[str]:
    return _ids(directory)[ADDED_AT_ONCE : ADDED_AT_ONCE + SINGLE_ADDS]


def _single_adds(directory: Directory, size: int) -> Iterator[Conversation]:
    batches = [[member] for member in _single_members(directory)]
    return (add_to_group(group, batches) for group in directory.groups)


def _single_removes(directory: Directory, size: int) -> Iterator[Conversation]:
    members = _single_members(directory)
    return (remove_one_by_one(group, members) for group in directory.groups)


def _group_deletes(directory: Directory, size: int) -> Iterator[Conversation]:
    leaving, directory.groups = directory.groups, []
    return (delete_group(group) for group in leaving)


LOOKUPS = (
    Step("lookup.userName", each_user(lambda _, u: look_up(u, "userName", u.user_name)), True),
    Step(
        "lookup.externalId", each_user(lambda _, u: look_up(u, "externalId", u.external_id)), True
    ),
    Step("lookup.id", each_user(lambda _, u: get_user(u)), True),
)

STEPS = (
    *LOOKUPS,
    Step("list.page100", _pages, True),
    Step("patch.displayName", patching("displayName"), True),
    Step("patch.active", patching("active"), True),
    Step("patch.email", patching("email"), True),
    Step("patch.all", patching("displayName", "active", "email"), True),
    Step("filter.co_and", filtering(contains_and_active), True),
    Step("filter.sw", filtering(starts_with), True),
    Step("filter.or", filtering(either_name), True),
    Step("filter.emails", filtering(work_email), True),
    Step("filter.lastModified", filtering(modified_after), True),
    Step("create.user", _creates),
    Step("post.user", posts),
    Step("delete.user", _deletes),
    Step("group.create", _group_creates),
    Step("group.add100", _hundreds),
    Step("group.add1", _single_adds),
    Step("group.get", lambda d, _: (get_group(g) for g in cycle(d.groups)), True),
    Step(
        "group.get-excluded",
        lambda d, _: (get_group_without_members(g) for g in cycle(d.groups)),
        True,
    ),
    Step("group.remove1", _single_removes),
    Step("group.delete", _group_deletes),
)
