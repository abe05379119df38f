"""Streams kept between decisions: never believed without the database, and not too many."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.commands import DeleteUser, PatchUser
from domain.events import Stream
from domain.handlers.users import delete_user, patch_user
from domain.patching import AttributeOperation
from domain.refusals import NoSuchResource
from domain.user import User
from projections.kept_streams import ENTRY_BYTES, KeptStreams
from projections.log import SqlLog, fold_user
from tests.engines import only_on, path_of
from tests.houses import House
from tests.projections.commands import new_group, new_user


def say(log: SqlLog, house: House, user: str, **values: Any) -> None:
    operations = [AttributeOperation("replace", name, value) for name, value in values.items()]
    log.handle(patch_user, PatchUser(house.cause(), user, operations))


def read(log: SqlLog, house: House, user: str) -> Stream[User]:
    return log.user(house.realms["acme"], user)


@contextmanager
def another_process(house: House) -> Iterator[SqlLog]:
    """A log with connections and kept streams of its own on the same file."""
    with closing(house.beside()) as database:
        yield SqlLog(database, house.log.registry, house.log.key, house.log.clock)


def decoded(house: House, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The versions of the events that are decoded from now on."""
    seen: list[int] = []
    decode = house.log.events.mapper.to_domain_event

    def noting(stored: Any) -> Any:
        seen.append(stored.originator_version)
        return decode(stored)

    monkeypatch.setattr(house.log.events.mapper, "to_domain_event", noting)
    return seen


def test_a_stream_is_read_on_from_where_it_was_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = new_user(house, "ann")
    for number in range(5):
        say(house.log, house, ann, title=f"title {number}")
    seen = decoded(house, monkeypatch)
    say(house.log, house, ann, title="another")
    assert seen == [6]
    seen.clear()
    assert read(house.log, house, ann) == read(house.log, house, ann)
    assert seen == [7]
    assert read(house.log, house, ann).state.document["title"] == "another"


def test_what_another_process_wrote_is_seen(house: House) -> None:
    ann = new_user(house, "ann")
    assert read(house.log, house, ann).version == 1
    with another_process(house) as other:
        say(other, house, ann, title="theirs")
        assert read(house.log, house, ann).state.document["title"] == "theirs"
        say(house.log, house, ann, nickName="ours")
        assert read(other, house, ann).state.document == {
            "userName": "ann",
            "active": True,
            "title": "theirs",
            "nickName": "ours",
        }
        other.handle(delete_user, DeleteUser(house.cause(), ann))
    with pytest.raises(NoSuchResource):
        read(house.log, house, ann)


of_a_file = only_on("sqlite", "a backup is put back by copying a file")


def _file(house: House) -> Path:
    return path_of(str(house.database.url))


def put_back(house: House, backup: Path) -> None:
    """Put an older file in the place of the present one, as a restored backup."""
    house.database.close()
    file = _file(house)
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    shutil.copy(backup, file)


@pytest.fixture
def backup(house: House, tmp_path: Path) -> Path:
    """The file as it stands now, with a user `ann` in version 2; the rest of the test goes on."""
    ann = new_user(house, "ann")
    say(house.log, house, ann, title="before")
    house.database.close()
    return Path(shutil.copy(_file(house), tmp_path / "backup.db"))


def the_user(house: House) -> str:
    (id_,) = {e.stream_id for e in house.events() if e.event.topic == User.Created.topic}
    return id_


@of_a_file
def test_a_stream_does_not_outlive_what_a_restored_backup_forgot(
    house: House, backup: Path
) -> None:
    ann = the_user(house)
    say(house.log, house, ann, title="forgotten")
    assert read(house.log, house, ann).version == 3
    put_back(house, backup)
    stream = read(house.log, house, ann)
    assert (stream.version, stream.state.document["title"]) == (2, "before")


@of_a_file
def test_a_restored_backup_that_grew_again_is_not_mixed_with_what_was_kept(
    house: House, backup: Path
) -> None:
    ann = the_user(house)
    say(house.log, house, ann, title="forgotten")
    assert read(house.log, house, ann).version == 3
    put_back(house, backup)
    with another_process(house) as other:
        say(other, house, ann, nickName="new")  # version 3 again, and another history
        say(other, house, ann, nickName="newer")
    stream = read(house.log, house, ann)
    assert (stream.version, stream.state.document) == (
        4,
        {"userName": "ann", "active": True, "title": "before", "nickName": "newer"},
    )


@of_a_file
def test_a_user_that_a_restored_backup_never_had_is_gone(house: House, backup: Path) -> None:
    bob = new_user(house, "bob")
    assert read(house.log, house, bob).version == 1
    put_back(house, backup)
    with pytest.raises(NoSuchResource):
        read(house.log, house, bob)
    assert UUID(bob) not in house.log.users._kept


@of_a_file
def test_sabotage_without_the_look_at_the_last_event_two_histories_are_mixed(
    house: House, monkeypatch: pytest.MonkeyPatch, backup: Path
) -> None:
    monkeypatch.setattr("projections.kept_streams.is_continued", lambda *_: True)
    with pytest.raises(AssertionError):
        test_a_restored_backup_that_grew_again_is_not_mixed_with_what_was_kept(house, backup)


def test_a_write_that_was_rolled_back_is_not_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = new_user(house, "ann")
    before = read(house.log, house, ann)

    def fail(*_: object) -> None:
        raise RuntimeError("while the read models are written")

    with monkeypatch.context() as broken:
        broken.setattr("projections.directory.g1.DirectoryG1.project", fail)
        with pytest.raises(RuntimeError):
            say(house.log, house, ann, title="never")
    assert read(house.log, house, ann) == before
    say(house.log, house, ann, nickName="kept")
    assert "title" not in read(house.log, house, ann).state.document


def test_a_kept_document_is_not_touched_by_deciding(house: House) -> None:
    ann = new_user(house, "ann")
    work = {"type": "work", "value": "a@example.com"}
    say(house.log, house, ann, emails=[work], name={"givenName": "Ann"})
    stream = read(house.log, house, ann)
    before = deepcopy(stream.state.document)
    operations = [
        AttributeOperation("replace", 'emails[type eq "work"].value', "b@example.com"),
        AttributeOperation("add", "emails", [{"type": "home", "value": "c@example.com"}]),
        AttributeOperation("replace", "name.givenName", "Anna"),
        AttributeOperation("remove", 'emails[value co "b@"]'),
    ]
    house.log.handle(patch_user, PatchUser(house.cause(), ann, operations))
    assert stream.state.document == before
    assert read(house.log, house, ann).state.document["emails"] == [
        {"type": "home", "value": "c@example.com"}
    ]


def test_what_is_kept_is_bounded_and_the_longest_unused_goes_first(house: House) -> None:
    users = [UUID(new_user(house, f"u{number}")) for number in range(6)]
    kept: KeptStreams[User] = KeptStreams(house.log.events, fold_user, 4 * 2 * ENTRY_BYTES)
    for id_ in users:
        kept.get(id_)
        kept.get(users[0])
        assert kept.bytes <= 4 * 2 * ENTRY_BYTES
    assert users[0] in kept._kept
    assert users[1] not in kept._kept
    assert 1 < len(kept) < len(users)
    assert kept.bytes == sum(entry.size for entry in kept._kept.values())


def test_what_alone_is_too_large_is_read_and_not_kept(house: House) -> None:
    ann, bob = new_user(house, "ann"), new_user(house, "bob")
    kept: KeptStreams[User] = KeptStreams(house.log.events, fold_user, 4 * ENTRY_BYTES)
    kept.get(UUID(bob))
    say(house.log, house, ann, title="x" * 8 * ENTRY_BYTES)
    for _ in range(2):
        stream = kept.get(UUID(ann))
        assert stream is not None
        assert stream.version == 2
    assert list(kept._kept) == [UUID(bob)]


def test_nothing_is_kept_of_what_is_no_user(house: House) -> None:
    group = new_group(house, "Staff")
    for id_ in (group, house.log.new_id(), "x"):
        with pytest.raises(NoSuchResource):
            read(house.log, house, id_)
    assert len(house.log.users) == 0
    assert house.log.users.bytes == 0
