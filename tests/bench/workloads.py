"""The user workloads, after Entra's provisioning cycle; each conversation judges its answers."""

from collections.abc import Iterator
from typing import Any

import orjson

from .answers import (
    document,
    expect_echo,
    expect_equal,
    expect_found,
    expect_status,
    expect_user,
)
from .directory import Directory
from .entra_users import EntraUser, by_filter, patch, replace, user_document
from .wire import Answer, Conversation, Request, WrongAnswer

PAGE = 100


def post_user(directory: Directory, user: EntraUser) -> Conversation:
    sent = user_document(user, directory.manager)
    body = document((yield Request("POST", "/Users", orjson.dumps(sent))), 201)
    expect_echo(body, sent)
    expect_user(body, user)
    if not body.get("id"):
        raise WrongAnswer("no id in the answer to a POST")
    user.id, user.modified = str(body["id"]), _modified(body)
    directory.keep(user)


def create_user(directory: Directory, user: EntraUser) -> Conversation:
    """Entra asks by userName first, and creates only when nobody is found."""
    absent = yield Request("GET", by_filter(f'userName eq "{user.user_name}"'))
    expect_found(absent, (), PAGE)
    yield from post_user(directory, user)


def look_up(user: EntraUser, attribute: str, value: str) -> Conversation:
    answer = yield Request("GET", by_filter(f'{attribute} eq "{value}"'))
    (found,) = expect_found(answer, [user.id], PAGE)
    expect_user(found, user)


def get_user(user: EntraUser) -> Conversation:
    expect_user(document((yield Request("GET", f"/Users/{user.id}")), 200), user)


def get_page(directory: Directory, start: int, seen: dict[str, int]) -> Conversation:
    """Known users only, the right number of them, none that another page of this round showed."""
    total = len(directory.users)
    answer = yield Request("GET", f"/Users?startIndex={start}&count={PAGE}")
    body = document(answer, 200)
    page: list[dict[str, Any]] = body.get("Resources") or []
    expect_equal("totalResults", body.get("totalResults"), total)
    expect_equal("length of the page", len(page), min(PAGE, total - start + 1))
    for resource in page:
        user = directory.by_id.get(str(resource.get("id")))
        if user is None:
            raise WrongAnswer(f"the page at {start} holds an unknown {resource.get('id')}")
        expect_equal("page of a user", seen.setdefault(user.id, start), start)
        expect_user(resource, user)


def delete_user(directory: Directory, user: EntraUser) -> Conversation:
    expect_status((yield Request("DELETE", f"/Users/{user.id}")), 204)
    directory.deleted.append(user.id)


def patch_user(directory: Directory, user: EntraUser, *attributes: str) -> Conversation:
    number, operations = directory.next_patch(), []
    if "displayName" in attributes:
        user.display_name = f"{user.given} {user.family} {user.number:06d} v{number}"
        operations.append(replace("displayName", user.display_name))
    if "active" in attributes:
        user.active = not user.active
        operations.append(replace("active", user.active))
    if "email" in attributes:
        user.email = f"v{number}.{user.number:06d}@corp.example.com"
        operations.append(replace('emails[type eq "work"].value', user.email))
    answer = yield Request("PATCH", f"/Users/{user.id}", patch(*operations))
    expect_status(answer, 200, 204)
    if answer.status == 204:
        directory.unread[user.id] = user
    else:
        body = document(answer, 200)
        expect_user(body, user)
        user.modified = _modified(body)


def read_back(directory: Directory) -> Iterator[Conversation]:
    """Off the clock: what a 204 said was written is there, what was deleted is not."""
    while directory.unread:
        yield _read_again(directory.unread.popitem()[1])
    while directory.deleted:
        yield _gone(directory.deleted.pop())


def _read_again(user: EntraUser) -> Conversation:
    body = document((yield Request("GET", f"/Users/{user.id}")), 200)
    expect_user(body, user)
    user.modified = _modified(body)


def _gone(user_id: str) -> Conversation:
    answer: Answer = yield Request("GET", f"/Users/{user_id}")
    expect_status(answer, 404)


def _modified(body: dict[str, Any]) -> str:
    return str((body.get("meta") or {}).get("lastModified") or "")
