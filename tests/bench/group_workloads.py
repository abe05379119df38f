"""Groups: create, add and remove members, read with and without them.

Each group's member changes are one conversation: the expected member set stays certain, and no
server is blamed for what it does with two overlapping PATCHes.
"""

from collections.abc import Iterable, Sequence

import orjson

from .answers import document, expect_equal, expect_members, expect_status
from .directory import Directory
from .entra_users import EntraGroup, add_members, group_document, patch, remove_member
from .wire import Answer, Conversation, Request, WrongAnswer

ADDED_AT_ONCE = 100


def create_group(directory: Directory) -> Conversation:
    group = directory.next_group()
    answer = yield Request("POST", "/Groups", orjson.dumps(group_document(group)))
    body = document(answer, 201)
    expect_equal("displayName", body.get("displayName"), group.display_name)
    expect_members(body, ())
    if not body.get("id"):
        raise WrongAnswer("no id in the answer to a POST")
    group.id = str(body["id"])
    directory.groups.append(group)


def add_to_group(group: EntraGroup, batches: Iterable[Sequence[str]]) -> Conversation:
    """One PATCH a batch of user ids."""
    for ids in batches:
        answer = yield Request("PATCH", f"/Groups/{group.id}", patch(add_members(ids)))
        group.members.update(ids)
        _expect_changed(answer, group)


def remove_one_by_one(group: EntraGroup, ids: Iterable[str]) -> Conversation:
    for member in ids:
        answer = yield Request("PATCH", f"/Groups/{group.id}", patch(remove_member(member)))
        group.members.discard(member)
        _expect_changed(answer, group)


def get_group(group: EntraGroup) -> Conversation:
    body = document((yield Request("GET", f"/Groups/{group.id}")), 200)
    expect_equal("displayName", body.get("displayName"), group.display_name)
    expect_members(body, group.members)


def get_group_without_members(group: EntraGroup) -> Conversation:
    """What Entra asks: it never wants the members of a group back."""
    answer = yield Request("GET", f"/Groups/{group.id}?excludedAttributes=members")
    body = document(answer, 200)
    expect_equal("displayName", body.get("displayName"), group.display_name)
    if "members" in body:
        raise WrongAnswer("members are shown although they are excluded")


def delete_group(group: EntraGroup) -> Conversation:
    expect_status((yield Request("DELETE", f"/Groups/{group.id}")), 204)


def _expect_changed(answer: Answer, group: EntraGroup) -> None:
    """A 204 says nothing to check here; `group.get` counts the members afterwards."""
    expect_status(answer, 200, 204)
    if answer.status == 200:
        body = document(answer, 200)
        expect_equal("id", body.get("id"), group.id)
        if "members" in body:
            expect_members(body, group.members)
