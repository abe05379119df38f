"""Play a recorded conversation against a running server; say what its client could not live with.

A conversation is one JSON file: optional `setup` requests that must succeed, one `request`, and
what `expect` allows (`status`, and `checks` on the answer or, with `on`, on a later request).
`save` keeps a value of an answer under a name, and `{{name}}` puts it into anything sent or
expected after it. README.md beside this file explains every key.
"""

import base64
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from tests.scim import SCIM_JSON, Answer, Scim


class Missing:
    """The value of a path that leads nowhere; null is a value."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()
# A step of a path: .name, ['urn:name'], [0], or [?key=='value'] for the first element that has it.
STEP = re.compile(r"\.([\w$]+)|\['([^']+)'\]|\[(\d+)\]|\[\?(\w+)=='([^']*)'\]")
VARIABLE = re.compile(r"\{\{(\w+)\}\}")
BASIC = re.compile(r"Basic base64\((.*)\)")
TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def _is_of_type(value: Any, name: str) -> bool:
    # To Python a bool is an int; to a client that parses JSON it is not.
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, wanted: bool(value == wanted),
    "not_equals": lambda value, other: value is not MISSING and value != other,
    "contains": lambda value, part: isinstance(value, str | list | dict) and part in value,
    "in": lambda value, allowed: value in allowed,
    "absent": lambda value, _: value is MISSING,
    "present": lambda value, _: value is not MISSING,
    "falsy": lambda value, _: value is MISSING or value in (None, "", []),
    "matches": lambda value, regex: isinstance(value, str) and bool(re.search(regex, value)),
    "type": _is_of_type,
    "length": lambda value, n: (0 if value is MISSING or value is None else len(value)) == n,
}


class Player:
    """Plays conversations into one realm.

    `base` is the realm's SCIM base; `variables` are what conversations may name without saving it
    themselves: `token`, `secret`, `other_tenant_token`.
    """

    def __init__(self, base: str, variables: Mapping[str, str]) -> None:
        self._scim = Scim(base, token=None)
        self._variables = {"base": self._scim.base, **variables}

    def play(self, conversation: Mapping[str, Any]) -> list[str]:
        """Return the reasons why the client would fail; none where it would be content."""
        variables: dict[str, Any] = dict(self._variables)
        for step in conversation.get("setup", []):
            answer = self._send(step, variables)
            if answer.status >= 400:
                return [f"setup {step['method']} {step['path']} answered {_shown(answer)}"]
            for name, path in step.get("save", {}).items():
                variables[name] = value_at(path, answer)
        request, expect = conversation["request"], conversation["expect"]
        # One second's worth at once: any limit that admits the rate has to admit this.
        times = request["repeat"]["rps"] if "repeat" in request else 1
        answers = [self._send(request, variables) for _ in range(times)]
        reasons = [
            f"answered {_shown(answer)}, wanted status {expect['status']}"
            for answer in answers
            if answer.status not in expect["status"]
        ]
        for check in substituted(expect["checks"], variables):
            reasons += self._unmet(
                check, answers[-1], variables, may_be_empty=204 in expect["status"]
            )
        return reasons

    def _unmet(
        self,
        check: Mapping[str, Any],
        answer: Answer,
        variables: Mapping[str, Any],
        may_be_empty: bool,
    ) -> list[str]:
        if "on" in check:
            answer = self._send(check["on"], variables)
        elif may_be_empty and answer.status == 204 and check["path"].startswith("$"):
            return []
        value = value_at(check["path"], answer)
        [(operator, wanted)] = ((k, v) for k, v in check.items() if k not in ("path", "on"))
        if OPERATORS[operator](value, wanted):
            return []
        where = f" on {check['on']['method']} {check['on']['path']}" if "on" in check else ""
        found = repr(value) if value is MISSING else json.dumps(value)[:200]
        return [f"{check['path']}{where} is {found}, wanted {operator} {json.dumps(wanted)}"]

    def _send(self, request: Mapping[str, Any], variables: Mapping[str, Any]) -> Answer:
        request = substituted(request, variables)
        path = request["path"]
        if query := request.get("query"):
            path += "?" + (query if request.get("query_is_raw") else encoded(query))
        headers = {}
        if authorization := request.get("auth", f"Bearer {variables['token']}"):
            headers["Authorization"] = authorization
        body: Any = request.get("body")
        if "raw_body" in request:
            body = request["raw_body"].encode()
        elif "form" in request:
            body = urllib.parse.urlencode(request["form"]).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            body = json.dumps(body).encode()
            headers["Content-Type"] = f"{SCIM_JSON}; charset=utf-8"
        for name, value in request.get("headers", {}).items():
            basic = BASIC.fullmatch(value)
            headers[name] = f"Basic {_base64(basic[1])}" if basic else value
        base = self._scim.base
        if request.get("base") == "endpoint":
            base = base.removesuffix("/scim/v2")
        return self._scim.send(request["method"], path, body, headers=headers, base=base)


def value_at(path: str, answer: Answer) -> Any:
    """The value at `$.a.b[0]`, `$['urn:x'].y`, `$.emails[?type=='work']` or `header:Name`."""
    if path.startswith("header:"):
        return answer.headers.get(path.removeprefix("header:").lower(), MISSING)
    value: Any = MISSING if answer.json is None else answer.json
    for name, quoted, index, key, wanted in STEP.findall(path.removeprefix("$")):
        if name or quoted:
            value = value.get(name or quoted, MISSING) if isinstance(value, dict) else MISSING
            continue
        items = value if isinstance(value, list) else []
        if index:
            items = items[int(index) :]
        else:
            items = [item for item in items if str(item.get(key)) == wanted]
        value = items[0] if items else MISSING
    return value


def substituted(value: Any, variables: Mapping[str, Any]) -> Any:
    """`value` with every `{{name}}` replaced; a string that is one variable keeps its type."""
    if isinstance(value, str):
        if (whole := VARIABLE.fullmatch(value)) and whole[1] in variables:
            return variables[whole[1]]
        return VARIABLE.sub(lambda found: str(variables.get(found[1], found[0])), value)
    if isinstance(value, list):
        return [substituted(item, variables) for item in value]
    if isinstance(value, dict):
        return {substituted(k, variables): substituted(v, variables) for k, v in value.items()}
    return value


def encoded(query: str) -> str:
    """Percent-encode the values of a query written for reading, where values may hold `&`."""
    pairs = (part.partition("=") for part in re.split(r"&(?=\$?[A-Za-z]+=)", query))
    return "&".join(f"{key}={urllib.parse.quote(value, safe='')}" for key, _, value in pairs)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _shown(answer: Answer) -> str:
    detail = (
        answer.json.get("detail", answer.json) if isinstance(answer.json, dict) else answer.json
    )
    return f"{answer.status} {json.dumps(detail)[:300]}"
