"""No committed file names a package index or a path of somebody's machine.

Run as `python -m tests.architecture.machine_traces` (part of `make check`): prints each place and
exits 1 if there is one.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# The bracketed letters keep these patterns from finding themselves.
_TRACES = re.compile(
    r"py[p]i\.(?:org|python\.org)|python[h]osted\.org"
    r"|--(?:extra-)?index-[u]rl|--find-[l]inks|--trusted-[h]ost"
    r"|(?<![\w./*-])/(?:wor[k]|roo[t]|hom[e]/\w+|tm[p]/lab)/"
)
_UNTRACKED = frozenset({".git", ".venv", "var", "build", "dist", "__pycache__"})


def traces_in(text: str) -> list[tuple[int, str]]:
    """Line numbers (from 1) and the words found there."""
    return [
        (number, found.group())
        for number, line in enumerate(text.splitlines(), start=1)
        for found in _TRACES.finditer(line)
    ]


def files_to_commit(root: Path) -> Iterator[Path]:
    """What git tracks or would add; in a tree without git, all but environment, data and caches."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split("\0")
    except (FileNotFoundError, subprocess.CalledProcessError):
        yield from (path for path in _walk(root) if path.is_file())
    else:
        yield from (root / name for name in sorted(set(listed)) if (root / name).is_file())


def traces_below(root: Path) -> list[str]:
    """One line a trace: `file:line: words`."""
    return [
        f"{path.relative_to(root)}:{line}: {words}"
        for path in files_to_commit(root)
        for line, words in traces_in(path.read_text(encoding="utf-8", errors="replace"))
    ]


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _UNTRACKED or path.name.endswith("_cache"):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def main() -> int:
    """Print the traces below the current directory; 1 if there are any."""
    found = traces_below(Path.cwd())
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
