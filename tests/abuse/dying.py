"""Writers that go on until their server is killed, and what each was promised by then."""

import http.client
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.abuse.resources import add_member, created, group, patch, unique, user
from tests.scim import Answer, Scim


@dataclass
class Promise:
    """What the answered requests of one writer add up to."""

    user_names: dict[str, str] = field(default_factory=dict)
    """The userName of every user that must exist, by id."""
    members: set[str] = field(default_factory=set)
    """Who must be a member of the writer's group."""
    inactive: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    """Ids and names that the one unanswered request was about: done whole, or not at all."""


class Writer(threading.Thread):
    """Creates, joins, renames and deletes users, one request after the other."""

    def __init__(self, scim: Scim, team: str, acknowledged: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self.scim = scim
        self.team = team
        self.promise = Promise()
        self.failure: BaseException | None = None
        self.unanswered = False
        self._acknowledged = acknowledged

    def run(self) -> None:
        try:
            while True:
                self._one_life()
        except (OSError, http.client.HTTPException):
            self.unanswered = True
        except BaseException as failure:  # noqa: BLE001  # told to the test, which runs in another thread
            self.failure = failure

    def _one_life(self) -> None:
        promise, name = self.promise, unique("mortal")
        id_ = self._send("POST", "/Users", user(userName=name), about={name}).json["id"]
        promise.user_names[id_] = name
        self._send("PATCH", f"/Groups/{self.team}", add_member(id_), about={id_})
        promise.members.add(id_)
        renamed = f"renamed-{name}"
        both = patch({"op": "replace", "value": {"userName": renamed, "active": False}})
        self._send("PATCH", f"/Users/{id_}", both, about={id_})
        promise.user_names[id_] = renamed
        promise.inactive.add(id_)
        if len(promise.user_names) % 3 == 0:
            self._send("DELETE", f"/Users/{id_}", None, about={id_})
            promise.members.discard(id_)
            promise.inactive.discard(id_)
            del promise.user_names[id_]
            promise.deleted.add(id_)

    def _send(self, method: str, path: str, body: Any, *, about: set[str]) -> Answer:
        self.promise.unsure = about
        answer = self.scim.send(method, path, body)
        assert answer.status < 300, answer
        self.promise.unsure = set()
        self._acknowledged.release()
        return answer


def writers(scim: Scim, count: int) -> tuple[list[Writer], threading.Semaphore]:
    """Return writers, each with a group of its own, and what counts their answered requests."""
    acknowledged = threading.Semaphore(0)
    return [Writer(scim, created(scim, group())["id"], acknowledged) for _ in range(count)], (
        acknowledged
    )


def assert_kept(
    writer: Writer, documents: Mapping[str, Mapping[str, Any]], joined: set[str]
) -> None:
    """Fail unless everything a writer was answered is in the database, and nothing else is."""
    promise = writer.promise
    for id_, name in promise.user_names.items():
        if id_ in promise.unsure:
            assert id_ not in documents or documents[id_]["userName"] in (name, f"renamed-{name}")
            continue
        assert documents[id_]["userName"] == name, "an answered write is lost"
        assert documents[id_]["active"] is (id_ not in promise.inactive)
    assert not promise.deleted & documents.keys(), "an answered delete is undone"
    assert joined - promise.unsure == promise.members - promise.unsure
