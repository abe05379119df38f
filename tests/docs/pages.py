"""The Markdown pages of the project, as a test reads them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.architecture.machine_traces import files_to_commit

ROOT = Path(__file__).parents[2]
GUIDES = ("README.md", "docs/connect-entra.md", "docs/connect-okta.md", "docs/connect-onelogin.md")
"""The pages whose `sh` blocks a reader types."""

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


class Block(NamedTuple):
    """A fenced block, without the indentation of the list it may stand in."""

    language: str
    text: str


def pages() -> list[Path]:
    """Every Markdown page that is or would be committed."""
    return [path for path in files_to_commit(ROOT) if path.suffix == ".md"]


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(language, re.sub(rf"^{indentation}", "", body, flags=re.MULTILINE))
        for indentation, language, body in _FENCE.findall(text)
    ]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """The targets of the links of a page."""
    return _LINK.findall(prose(text))


def inline_code(text: str) -> list[str]:
    """What stands between single backquotes."""
    return _CODE.findall(prose(text))


def command_lines(text: str) -> Iterator[str]:
    """Every line of a page that calls `rollbook` or `make`, in blocks and in the prose.

    Assignments before the command, and whatever comes after a pipe, are left out.
    """
    typed = [b.text.replace("\\\n", " ") for b in blocks(text) if b.language in ("sh", "console")]
    lines = [line for block in typed for line in block.splitlines()] + inline_code(text)
    for line in lines:
        command = line.strip().partition("=$(")[2] or line.strip()
        command = re.sub(r"^(?:[A-Z_]+=\S+ +)+", "", command)
        command = re.split(r" *[|)]", command)[0].removeprefix(".venv/bin/")
        if re.match(r"(rollbook|make) \S", command):
            yield command
