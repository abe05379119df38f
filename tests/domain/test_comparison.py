"""One idea of equality for filters, columns and claims (ADR 0004, ABUSE G6)."""

import unicodedata
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.comparison import comparison_key, exact, folded, invisible_character


@dataclass
class Binding:
    case_exact: bool


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "aNN"),
        ("\u00c4", "a\u0308"),  # NFC and NFD
        ("stra\u00dfe", "STRASSE"),
        ("\u1e9e", "SS"),
        ("\u212aelvin", "kelvin"),
        ("\uff21\uff22", "ab"),  # full width
        ("\ufb01sh", "FISH"),  # a ligature
        ("\u03a3", "\u03c2"),  # the two small sigmas
        ("\u0130", "i\u0307"),
        ("\u1fb3", "\u03b1\u03b9"),
    ],
)
def test_g6_spellings_of_one_name_meet(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a", "b"), ("i", "\u0131"), ("a", "\u0430"), ("e", "é")]
)
def test_different_letters_stay_different(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text())
def test_folding_a_key_again_changes_nothing(value: str) -> None:
    assert folded(folded(value)) == folded(value)


@given(st.text())
def test_a_key_does_not_depend_on_the_normal_form(value: str) -> None:
    for form in ("NFC", "NFD"):
        assert folded(unicodedata.normalize(form, value)) == folded(value)
        assert exact(unicodedata.normalize(form, value)) == exact(value)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_gives_the_same_key(value: str) -> None:
    once = unicodedata.normalize("NFKC", value).casefold()
    assert folded(value) == unicodedata.normalize("NFKC", once).casefold()


def test_what_folding_takes_apart_is_put_together_again() -> None:
    once = unicodedata.normalize("NFKC", "\u0399\u0344").casefold()
    assert folded("\u0399\u0344") != once
    assert folded("\u0399\u0344") == folded(once)


def test_case_exact_values_keep_their_case_and_width() -> None:
    assert exact("Ab") != exact("ab")
    assert exact("\uff21") != exact("A")
    assert exact("\u00e9") == exact("e\u0301")


def test_the_binding_of_the_attribute_decides() -> None:
    assert comparison_key(Binding(case_exact=True), "Ab") == "Ab"
    assert comparison_key(Binding(case_exact=False), "Ab") == "ab"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a\u200bb", "ZERO WIDTH SPACE"),
        ("a\u200db", "ZERO WIDTH JOINER"),
        ("a\ufeffb", "ZERO WIDTH NO-BREAK SPACE"),
        ("a\u00adb", "SOFT HYPHEN"),
        ("a\u202eb", "RIGHT-TO-LEFT OVERRIDE"),
        ("a\nb", "U+000A"),
        ("a\u2029b", "PARAGRAPH SEPARATOR"),
    ],
)
def test_a_character_nobody_sees_is_named(value: str, name: str) -> None:
    assert invisible_character(value) == name


@pytest.mark.parametrize("value", ["", "ann", "Ä ö", "田中", "a\u0308", "😀"])
def test_what_is_seen_is_no_invisible_character(value: str) -> None:
    assert invisible_character(value) is None
