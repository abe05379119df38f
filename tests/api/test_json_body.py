"""Reading a request body within its limits (ABUSE E3 to E6)."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.json_body import MAX_DEPTH, MAX_STRING, parse_object
from domain.refusals import InvalidSyntax, InvalidValue, Refusal


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"{}x",
        b'{"a":}',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":1,"a":2}',
        b'{"userName":1,"USERNAME":2}',
        '{"straße":1,"STRASSE":2}'.encode(),
        b'{"\\u0000":1}',
        b'{"\\ud800":1}',
        b'{"a":"\x00"}',
        b'{"x":[{"a":1,"A":1}]}',
        b"{'a':1}",
    ],
)
def test_e5_what_is_not_one_plain_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidSyntax):
        parse_object(body)


@pytest.mark.parametrize("value", [b"\\u0000", b"a\\ud800b", b"\\udc00\\ud800"])
def test_e5_nul_and_lone_surrogates_in_values_are_refused(value: bytes) -> None:
    with pytest.raises(InvalidValue, match=r"a\.b"):
        parse_object(b'{"a":{"b":["' + value + b'"]}}')


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert parse_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def test_e3_a_body_is_as_deep_as_allowed_and_no_deeper() -> None:
    assert parse_object(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(InvalidSyntax, match=str(MAX_DEPTH)):
            parse_object(nested(depth))
    with pytest.raises(InvalidSyntax):
        parse_object(b'{"a":' + b"[" * 100_000)


def test_e6_a_string_is_as_long_as_allowed_and_the_refusal_names_its_attribute() -> None:
    long = "x" * MAX_STRING
    assert parse_object(json.dumps({"a": long}).encode()) == {"a": long}
    with pytest.raises(InvalidValue, match=r"name\.givenName"):
        parse_object(json.dumps({"name": {"givenName": long + "x"}}).encode())


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text().map(lambda text: text.replace("\x00", "")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), json_values), st.booleans())
def test_plain_json_is_read_as_it_was_written(value: dict[str, Any], ascii_only: bool) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_d9_any_bytes_are_an_object_or_a_refusal(body: bytes) -> None:
    with suppress(Refusal):
        assert isinstance(parse_object(body), dict)
