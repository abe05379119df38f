"""The schema table judges and patches as scim2-models does, whose table it is (ADR 0006)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from scim2_models import ScimPolicy

from domain import patching
from domain.comparison import comparison_key
from domain.judging import check_document, judged, payload
from domain.patching import AttributeOperation
from domain.refusals import Refusal
from domain.schemas import ENTERPRISE_URN, USER, policy
from domain.value_paths import value_path

TEXTS = st.sampled_from(["work", "WORK", "home", "Straße", "STRASSE", "ﬁ", "QUJD", "x@Y.z"])
FLAGS = st.booleans()
ODD = st.sampled_from([1, 1.5, {}, {"value": "x"}, ["x"], True, "no"])
ADDRESS = st.fixed_dictionaries(
    {}, optional={"value": TEXTS, "type": TEXTS, "primary": FLAGS, "display": TEXTS}
).filter(bool)
ADDRESSES = st.lists(ADDRESS, min_size=1, max_size=4)


def one_primary(values: list[dict[str, Any]]) -> bool:
    return sum(value.get("primary") is True for value in values) < 2


def model_accepts(document: dict[str, Any]) -> bool:
    strict = policy.model_copy(update={"unknown": ScimPolicy.Unknown.forbid})
    try:
        with judged(strict):
            resource = USER.model.model_validate(payload(USER, document))
            for name in ("emails", "x509Certificates"):
                operations = [AttributeOperation("add", name, document.get(name, []))]
                if document.get(name):
                    patching._patched_by_model(USER, {}, operations)
    except Refusal:
        return False
    return resource is not None


@given(
    st.fixed_dictionaries(
        {"userName": st.just("ann")},
        optional={
            "title": TEXTS | ODD.filter(lambda v: v != "no"),
            "active": FLAGS | st.sampled_from([{"value": "x"}, ["x"]]),
            "name": st.fixed_dictionaries({}, optional={"givenName": TEXTS | st.just(1)}).filter(
                bool
            ),
            "emails": ADDRESSES
            | st.lists(st.fixed_dictionaries({"value": st.just(1)}), min_size=1),
            "x509Certificates": st.lists(st.fixed_dictionaries({"value": TEXTS}), min_size=1),
            ENTERPRISE_URN: st.fixed_dictionaries({"department": TEXTS | st.just(2)}),
        },
    )
)
def test_the_table_accepts_what_the_models_accept(document: dict[str, Any]) -> None:
    try:
        check_document(USER, document)
        accepted = True
    except Refusal:
        accepted = False
    assert accepted == model_accepts(document)


@given(
    ADDRESSES.filter(one_primary),
    TEXTS,
    st.sampled_from(["value", "display"]),
    st.sampled_from(["add", "replace", "remove"]),
    TEXTS,
)
def test_a_value_path_is_written_as_the_models_write_it(  # one operation's parts
    emails: list[dict[str, Any]], kind: str, sub: str, verb: Any, text: str
) -> None:
    path = f'emails[type eq "{kind}"].{sub}'
    operation = AttributeOperation(verb, path, None if verb == "remove" else text)
    document = {"emails": emails}
    assert value_path(USER, path) is not None

    def outcome(apply: Any) -> Any:
        try:
            return apply(USER, document, [operation]).get("emails")
        except Refusal as refusal:
            return refusal.scim_type

    assert outcome(patching.patched) == outcome(patching._patched_by_model)


@given(st.text(st.characters(max_codepoint=127)), FLAGS)
def test_both_comparison_keys_agree_on_ascii(text: str, exact: bool) -> None:
    class Binding:
        case_exact = exact

    library = ScimPolicy().comparison_key
    assert comparison_key(Binding, text) == library(Binding, text)
