"""Users as an independent implementation sees them: scim2-server, in memory.

Random requests, all within the letter of RFC 7644, go to both; after each, the attributes must be
equal. Where Rollbook differs on purpose (ADR 0006), the requests stay clear of it:

- a user is ``active`` unless a POST says otherwise, and a PUT without ``active`` leaves it;
- ``replace`` on a value path that selects nothing creates the value instead of refusing;
- a new ``manager.value`` takes the old ``$ref`` and ``displayName`` away.
"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import Context, PatchOp
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.utils import load_default_provider

from api.documents import read_resource
from api.patches import Limits, read_patch
from domain.commands import CreateUser, PatchUser, ReplaceUser
from domain.handlers.users import create_user, patch_user, replace_user
from domain.judging import payload, schemas_of
from domain.patching import patched
from domain.refusals import Refusal
from domain.schemas import ENTERPRISE_URN, USER, UserResource, policy
from tests.domain.scenario import CAUSE, REALM
from tests.fakes import MemoryLog

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
FRAME = ("schemas", "id", "meta")
PROVIDER = load_default_provider()

text = st.sampled_from(["x", "Y", "\u00e4", "long text"])
emails = st.lists(
    st.fixed_dictionaries(
        {"value": st.sampled_from(["a@x.example", "b@x.example", "c@x.example"])},
        optional={"type": st.sampled_from(["work", "home"]), "primary": st.just(False)},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda email: (email["value"], email.get("type")),
)
name = st.fixed_dictionaries({"givenName": text}, optional={"familyName": text})
enterprise = st.fixed_dictionaries({"department": text}, optional={"costCenter": text})
documents = st.fixed_dictionaries(
    {"userName": st.sampled_from(["ann", "bob"]), "active": st.booleans()},
    optional={
        "title": text,
        "externalId": text,
        "name": name,
        "emails": emails,
        ENTERPRISE_URN: enterprise,
    },
)
simple_paths = st.sampled_from(
    [
        "title",
        "nickName",
        "externalId",
        "name.givenName",
        "name.familyName",
        f"{ENTERPRISE_URN}:department",
    ]
)
verbs = st.sampled_from(["add", "replace"])
operations = st.one_of(
    st.builds(
        lambda op, path, value: {"op": op, "path": path, "value": value}, verbs, simple_paths, text
    ),
    st.builds(lambda path: {"op": "remove", "path": path}, simple_paths),
    st.builds(lambda op, value: {"op": op, "path": "active", "value": value}, verbs, st.booleans()),
    st.builds(lambda op, value: {"op": op, "path": "emails", "value": value}, verbs, emails),
    st.builds(lambda op, value: {"op": op, "path": "name", "value": value}, verbs, name),
    st.builds(
        lambda op, value: {"op": op, "value": value},
        verbs,
        st.fixed_dictionaries(
            {}, optional={"title": text, "name": name, "active": st.booleans()}
        ).filter(bool),
    ),
    st.just({"op": "remove", "path": "emails"}),
    st.just({"op": "remove", "path": "name"}),
    st.just({"op": "remove", "path": "userName"}),
)
requests = st.one_of(
    st.tuples(st.just("PUT"), documents),
    st.tuples(st.just("PATCH"), st.lists(operations, min_size=1, max_size=3)),
)


class Oracle:
    """The reference server, and the one user it holds."""

    def __init__(self) -> None:
        self.server = WSGIApplication(InMemoryStorage(), PROVIDER)
        self.id = ""

    def send(self, method: str, body: dict[str, Any]) -> bool:
        """Send a request about the user; return whether it was accepted."""
        request = ScimRequest(
            method,
            "https://scim.example/v2",
            f"/Users/{self.id}" if self.id else "/Users",
            headers={"Content-Type": "application/scim+json"},
            body=json.dumps(body).encode(),
        )
        response = self.server.serve(request)
        if response.status < 300 and response.body:
            self.id = response.body["id"]
        return bool(response.status < 300)

    def get(self) -> dict[str, Any]:
        request = ScimRequest("GET", "https://scim.example/v2", f"/Users/{self.id}")
        body = self.server.serve(request).body or {}
        return {key: value for key, value in body.items() if key not in FRAME}


class Ours:
    """The handlers over the in-memory log, and the same user."""

    def __init__(self) -> None:
        self.log, self.id = MemoryLog(), ""

    def send(self, method: str, body: dict[str, Any]) -> bool:
        try:
            if method == "PATCH":
                read = read_patch(USER, self.id, body, Limits(500, 10_000))
                patch_user(PatchUser(CAUSE, self.id, read.operations), self.log)
            elif method == "PUT":
                document = read_resource(USER, body, 10_000).document
                replace_user(ReplaceUser(CAUSE, self.id, document), self.log)
            else:
                document = read_resource(USER, body, 10_000).document
                self.id = create_user(CreateUser(CAUSE, document), self.log).id
        except Refusal:
            return False
        return True

    def get(self) -> dict[str, Any]:
        return dict(self.log.user(REALM, self.id).state.document)


def sent(document: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": schemas_of(USER, document), **document}


@settings(max_examples=120, deadline=None)
@given(documents, st.lists(requests, max_size=4))
def test_random_requests_leave_what_the_reference_server_has(
    first: dict[str, Any], then: list[tuple[str, Any]]
) -> None:
    oracle, ours = Oracle(), Ours()
    assert oracle.send("POST", sent(first))
    assert ours.send("POST", sent(first))
    assert ours.get() == oracle.get()
    for method, what in then:
        body = sent(what) if method == "PUT" else {"schemas": [PATCH_OP], "Operations": what}
        assert ours.send(method, body) == oracle.send(method, body), body
        assert ours.get() == oracle.get(), body


@settings(max_examples=150, deadline=None)
@given(documents, st.lists(operations, min_size=1, max_size=3))
def test_a_patch_means_what_scim2_models_makes_of_it(
    document: dict[str, Any], wishes: list[dict[str, Any]]
) -> None:
    message = {"schemas": [PATCH_OP], "Operations": wishes}
    resource = UserResource.model_validate(payload(USER, document))
    try:
        with policy:
            request = PatchOp[UserResource].model_validate(
                message, scim_ctx=Context.RESOURCE_PATCH_REQUEST
            )
            request.patch(resource)
        expected: Any = {k: v for k, v in resource.model_dump().items() if k not in FRAME}
    except ValueError:
        expected = Refusal
    try:
        read = read_patch(USER, "x", message, Limits(500, 10_000))
        result: Any = patched(USER, document, read.operations)
    except Refusal:
        result = Refusal
    assert result == expected
