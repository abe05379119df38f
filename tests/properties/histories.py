"""Random histories, written through the real handlers into two realms of one database."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from domain.commands import (
    CreateGroup,
    CreateUser,
    DeleteGroup,
    DeleteUser,
    PatchGroup,
    PatchUser,
    ReplaceGroup,
    ReplaceUser,
)
from domain.handlers.groups import create_group, delete_group, patch_group, replace_group
from domain.handlers.users import create_user, delete_user, patch_user, replace_user
from domain.patching import AttributeOperation, MemberDelta
from domain.refusals import Refusal
from domain.schemas import ENTERPRISE_URN, GROUP, USER
from replay.moments import moment_at
from replay.restoring import restore
from tests.houses import House

SLUGS = ("acme", "other")
SCHEMAS = {schema.name: schema for schema in (USER, GROUP)}
NAMES = ("ann", "ANN", "bob", "Stra\u00dfe", "STRASSE")

text = st.sampled_from(["", "x", "Y", "\u00e4", "a@Example.COM"]).filter(bool)
names = st.sampled_from(NAMES)
emails = st.lists(
    st.fixed_dictionaries(
        {"value": text}, optional={"type": st.sampled_from(["work", "home"]), "display": text}
    ),
    min_size=1,
    max_size=3,
)
user_documents = st.fixed_dictionaries(
    {"userName": names},
    optional={
        "active": st.booleans(),
        "externalId": text,
        "displayName": text,
        "title": text,
        "name": st.fixed_dictionaries({"givenName": text}, optional={"familyName": text}),
        "emails": emails,
        ENTERPRISE_URN: st.fixed_dictionaries(
            {"department": text}, optional={"manager": st.fixed_dictionaries({"value": text})}
        ),
    },
)
group_documents = st.fixed_dictionaries({"displayName": names}, optional={"externalId": text})
user_operations = st.one_of(
    st.builds(AttributeOperation, st.just("replace"), st.just("userName"), names),
    st.builds(AttributeOperation, st.just("replace"), st.just("active"), st.booleans()),
    st.builds(
        AttributeOperation,
        st.sampled_from(["add", "replace"]),
        st.sampled_from(
            [
                "title",
                "displayName",
                "name.givenName",
                "name.familyName",
                "externalId",
                f"{ENTERPRISE_URN}:department",
                f"{ENTERPRISE_URN}:manager.value",
            ]
        ),
        text,
    ),
    st.builds(AttributeOperation, st.sampled_from(["add", "replace"]), st.just("emails"), emails),
    st.builds(
        AttributeOperation,
        st.just("remove"),
        st.sampled_from(["title", "name", "emails", 'emails[type eq "work"]', ENTERPRISE_URN]),
    ),
)
places = st.integers(0, 7)
deltas: st.SearchStrategy[tuple[str, list[int]]] = st.one_of(
    st.builds(lambda n: ("add", n), st.lists(places, max_size=4)),
    st.builds(lambda n: ("remove", n), st.lists(places, max_size=4)),
    st.builds(lambda n: ("replace", n), st.lists(places, max_size=4)),
    st.just(("none", [])),
)
steps = st.one_of(
    st.tuples(st.just("create user"), user_documents),
    st.tuples(st.just("create group"), group_documents, deltas),
    st.tuples(st.just("put user"), places, user_documents),
    st.tuples(st.just("put group"), places, group_documents, deltas),
    st.tuples(st.just("patch user"), places, st.lists(user_operations, max_size=3)),
    st.tuples(
        st.just("patch group"),
        places,
        st.lists(
            st.builds(AttributeOperation, st.just("replace"), st.just("displayName"), names),
            max_size=1,
        ),
        deltas,
    ),
    st.tuples(st.just("patch group"), places, st.just([]), deltas),
    st.tuples(st.just("delete"), places),
    st.tuples(st.just("restore"), places),
    st.tuples(st.just("put back"), places, st.integers(0, 40), st.booleans()),
)
histories = st.lists(st.tuples(st.sampled_from(SLUGS), steps), min_size=5, max_size=30)


@dataclass
class Player:
    """Plays a history; a refused step is part of it."""

    house: House
    ids: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: {s: [] for s in SLUGS})
    refused: int = 0

    def play(self, history: list[tuple[str, Any]]) -> None:
        """Take every step."""
        for number, (slug, (what, *rest)) in enumerate(history):
            cause = self.house.cause(slug, correlation=f"{number:032x}")
            try:
                getattr(self, "_" + what.replace(" ", "_"))(slug, cause, *rest)
            except Refusal:
                self.refused += 1

    def _do(self, handler: Callable[[Any, Any], Any], command: Any) -> Any:
        return self.house.log.handle(handler, command)

    def _at(self, slug: str, place: int, kind: str | None = None) -> tuple[str, str]:
        known = [each for each in self.ids[slug] if kind in (None, each[0])]
        if not known:
            raise Refusal("there is none yet")
        return known[place % len(known)]

    def _delta(self, slug: str, wish: tuple[str, list[int]]) -> MemberDelta:
        verb, chosen = wish
        ids = [self._at(slug, place)[1] for place in chosen if self.ids[slug]]
        others = [id_ for other in SLUGS if other != slug for _, id_ in self.ids[other][:1]]
        if verb == "none":
            return MemberDelta()
        if verb == "replace":
            return MemberDelta.replacing([*ids, *others])
        return (
            MemberDelta().adding([*ids, *others]) if verb == "add" else MemberDelta().removing(ids)
        )

    def _create_user(self, slug: str, cause: Any, document: Any) -> None:
        self.ids[slug].append(("User", self._do(create_user, CreateUser(cause, document)).id))

    def _create_group(self, slug: str, cause: Any, document: Any, wish: Any) -> None:
        command = CreateGroup(cause, document, self._delta(slug, wish))
        self.ids[slug].append(("Group", self._do(create_group, command).id))

    def _put_user(self, slug: str, cause: Any, place: int, document: Any) -> None:
        self._do(replace_user, ReplaceUser(cause, self._at(slug, place, "User")[1], document))

    def _put_group(self, slug: str, cause: Any, place: int, document: Any, wish: Any) -> None:
        group_id = self._at(slug, place, "Group")[1]
        self._do(replace_group, ReplaceGroup(cause, group_id, document, self._delta(slug, wish)))

    def _patch_user(self, slug: str, cause: Any, place: int, operations: Any) -> None:
        self._do(patch_user, PatchUser(cause, self._at(slug, place, "User")[1], operations))

    def _patch_group(self, slug: str, cause: Any, place: int, operations: Any, wish: Any) -> None:
        group_id = self._at(slug, place, "Group")[1]
        self._do(patch_group, PatchGroup(cause, group_id, operations, self._delta(slug, wish)))

    def _restore(self, slug: str, cause: Any, place: int) -> None:
        kind, id_ = self._at(slug, place)
        restore(self.house.log, SCHEMAS[kind], cause, id_)

    def _put_back(self, slug: str, cause: Any, place: int, then: int, members: bool) -> None:
        kind, id_ = self._at(slug, place)
        events = self.house.events()
        moment = moment_at(self.house.database, events[then % len(events)].recorded_at)
        wanted = members and kind == "Group"
        restore(self.house.log, SCHEMAS[kind], cause, id_, to=moment, members=wanted)

    def _delete(self, slug: str, cause: Any, place: int) -> None:
        kind, id_ = self._at(slug, place)
        if kind == "User":
            self._do(delete_user, DeleteUser(cause, id_))
        else:
            self._do(delete_group, DeleteGroup(cause, id_))
