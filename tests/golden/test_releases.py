"""HEAD opens the file of every release: migrates, folds, replays, refills, answers as it did."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.composition import Service, followings_of, open_service
from domain.group import Group
from domain.topics import EVENTS
from projections.credentials import WrongKey
from projections.migration import newest_revision, present_revision
from replay.refill import refill
from replay.status import read_model_status
from replay.verify import verify
from tests.golden.writing import FOLDER, KEY, asked, laid_out, settings_of
from tests.serving import PROJECT

RELEASES = sorted(path for path in FOLDER.iterdir() if path.is_dir() and path.name[0].isdigit())
LATER = 3_600_000_000
"""An hour after it was written: its tokens have not run out."""


@dataclass
class Opened:
    """A copy of a release's file, opened by this code, and what the release answered."""

    service: Service
    http: TestClient
    answers: dict[str, Any]

    def assert_answers(self) -> None:
        for path, body in self.answers.items():
            assert_says(asked(self.http, path), body, path)


def assert_says(now: Any, then: Any, where: str) -> None:
    """Fail unless an answer says all that it said; it may say more."""
    if isinstance(then, dict):
        assert isinstance(now, dict), where
        for name, value in then.items():
            assert name in now, f"{where} does not say {name} any more"
            assert_says(now[name], value, f"{where} {name}")
    elif isinstance(then, list):
        assert isinstance(now, list), where
        assert len(now) == len(then), where
        for number, (one, other) in enumerate(zip(now, then, strict=True)):
            assert_says(one, other, f"{where} [{number}]")
    else:
        assert now == then, where


@contextmanager
def opened(release: Path, folder: Path) -> Iterator[Opened]:
    told = laid_out(release, folder)
    service = open_service(settings_of(folder), may_migrate=True)
    service.log.clock = lambda: told["written_at"] + LATER
    try:
        with TestClient(create_app(service)) as http:
            http.headers["Authorization"] = f"Bearer {told['token']}"
            yield Opened(service, http, told["answers"])
    finally:
        service.close()


@pytest.fixture(params=RELEASES, ids=lambda release: release.name)
def release(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def old(release: Path, tmp_path: Path) -> Iterator[Opened]:
    with opened(release, tmp_path) as found:
        yield found


def assert_whole(old: Opened) -> None:
    service = old.service
    assert list(verify(service.log)) == []
    for following in followings_of(service):
        following.catch_up()
    now = service.log.clock
    assert {each.advice for each in read_model_status(service.database, now)} == {None}


def test_a_file_is_brought_to_this_release_and_answers_as_it_did(old: Opened) -> None:
    with old.service.database.reading() as connection:
        assert present_revision(connection) == newest_revision()
    assert len(old.answers) > 20
    old.assert_answers()
    assert_whole(old)


def test_its_read_models_come_back_from_the_log_and_answer_as_they_did(old: Opened) -> None:
    service = old.service
    count = refill(service.database, service.registry, service.log.events)
    assert count == len(list(service.log.events.read(0, 10_000)))
    old.assert_answers()
    assert_whole(old)


def test_it_is_written_on(old: Opened) -> None:
    [user, *_] = asked(old.http, "/realms/acme/scim/v2/Users")["Resources"]
    address = f"/realms/acme/scim/v2/Users/{user['id']}"
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "nickName", "value": "written on"}],
    }
    answer = old.http.patch(address, json=patch).raise_for_status().json()
    assert answer["nickName"] == "written on"
    assert_says(answer, {k: v for k, v in user.items() if k != "meta"}, address)
    assert_whole(old)


def test_it_holds_every_event_that_its_release_could_write(old: Opened) -> None:
    found = old.service.log.events.read(0, 10_000)
    topics = {recorded.event.topic for _, recorded in found}
    assert len(topics) >= 28
    assert topics <= EVENTS.keys()


def test_it_is_not_opened_by_another_key(release: Path, tmp_path: Path) -> None:
    laid_out(release, tmp_path)
    (tmp_path / KEY).write_text("00" * 32 + "\n")
    with pytest.raises(WrongKey):
        open_service(settings_of(tmp_path), may_migrate=True)


class Renamed(Group.Renamed):
    """A shape that no release ever wrote, in the version of the one they did."""

    @classmethod
    def from_parts(cls, clear: Any, personal: Any) -> "Renamed":
        return cls({clear["reason"]: personal["changes"]})


def test_sabotage_an_event_that_changed_without_a_version_is_found(
    old: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EVENTS, Group.Renamed.topic, Renamed)
    with pytest.raises(KeyError, match="reason"):
        list(verify(old.service.log))


def test_sabotage_an_answer_that_says_something_else_is_found(old: Opened) -> None:
    [path, *_] = [each for each in old.answers if "/scim/v2/Users/" in each]
    old.answers[path] = {**old.answers[path], "title": "another"}
    with pytest.raises(AssertionError, match="title"):
        old.assert_answers()


def test_every_release_in_the_changelog_has_its_file() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d[^\]]*)\]", text, re.MULTILINE)
    missing = set(released) - {release.name for release in RELEASES}
    assert not missing, f"write them with `python -m tests.golden VERSION`: {sorted(missing)}"
    assert RELEASES
