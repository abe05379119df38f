"""How attribute values are compared, everywhere.

One function is the answer for the filters of clients, the columns of the read model, the claims
that keep names unique and the reference server of the tests. If two of them differed, a client
could be told 409 on POST and "no such user" by the filter it uses to find out why (ADR 0004).
"""

import unicodedata
from typing import Any


def folded(value: str) -> str:
    """Return the key of a case-insensitive string.

    ``casefold(NFKC(casefold(NFKC(v))))``: the second pass is needed because folding can produce
    what normalisation then changes. Full-width letters, the Kelvin sign and ``ß``/``SS`` meet.
    """
    if value.isascii():
        return value.lower()
    once = unicodedata.normalize("NFKC", value).casefold()
    return unicodedata.normalize("NFKC", once).casefold()


def exact(value: str) -> str:
    """Return the key of a ``caseExact`` string: NFC, so that spellings of one text are equal."""
    return value if value.isascii() else unicodedata.normalize("NFC", value)


def comparison_key(binding: Any, value: str) -> str:
    """Return what comparisons use in place of ``value``.

    The signature is the one scim2-models asks of ``ScimPolicy.comparison_key``; ``binding`` is
    its ``AttributeBinding``, of which only ``case_exact`` is read.
    """
    return exact(value) if binding.case_exact else folded(value)


def invisible_character(value: str) -> str | None:
    """Return the name of a character that nobody sees, if ``value`` holds one.

    Control and format characters (Unicode Cc, Cf: line breaks, zero-width and direction marks)
    make two names that look alike differ. They are refused in what identifies a resource.
    """
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}:
            return unicodedata.name(character, f"U+{ord(character):04X}")
    return None
