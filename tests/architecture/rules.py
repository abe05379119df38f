"""Rules of the house that no linter knows, as functions from source files to sentences.

Each takes paths, so that a test can hand it a sabotaged package and see it caught.
"""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

LONGEST_FILE = 300
"""Lines; past it a file holds a second concept."""

EMPTY_WORDS = frozenset(
    {"utils", "util", "helpers", "helper", "common", "core", "manager", "managers"}
    | {"service", "services", "misc"}
)
"""Names that do not say what is inside. `service_provider` does: only the last word counts."""

_SQL_CONSTRUCTS = frozenset({"text", "literal_column", "DDL", "exec_driver_sql"})


def python_files(package: Path) -> list[Path]:
    """Every Python file below `package`, sorted."""
    return sorted(package.rglob("*.py"))


def long_files(package: Path) -> list[str]:
    """Files of more than `LONGEST_FILE` lines."""
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(package)
    }
    return [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_FILE]


def empty_names(package: Path) -> list[str]:
    """Modules and packages whose name ends in a word that carries no meaning."""
    found = []
    for path in [package, *sorted(package.rglob("*"))]:
        is_module = path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")
        if is_module and path.stem.lower().rsplit("_", 1)[-1] in EMPTY_WORDS:
            found.append(str(path))
    return found


def forbidden_imports(package: Path, libraries: Collection[str]) -> list[str]:
    """Imports of `libraries` below `package`, wherever they stand in the file.

    Sees what import-linter cannot: `importlib.import_module("…")` and `__import__("…")` of a
    literal name.
    """
    return [
        f"{path}:{line}: imports {name}"
        for path in python_files(package)
        for name, line in _imported_names(_tree(path))
        if name.split(".")[0] in libraries
    ]


def built_sql(package: Path) -> list[str]:
    """Raw SQL made by an f-string, `%`, `+`, `.format` or `.join` (ABUSE F1).

    Looks into `text`, `literal_column`, `DDL` and `exec_driver_sql`, under whatever name they
    were imported, into a string variable handed to them, and at the statement of `.execute`.
    """
    return [
        f"{path}:{line}: builds SQL text"
        for path in python_files(package)
        for line in _lines_building_sql(_tree(path))
    ]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _imported_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module, node.lineno
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module, node.lineno


def _lines_building_sql(tree: ast.Module) -> Iterator[int]:
    local_names = _local_names_of_constructs(tree)
    assigned = _assigned_values(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        statement = node.args[0]
        match node.func:
            case ast.Name(id=name) if name in local_names:
                inside = True
            case ast.Attribute(attr=name) if name in _SQL_CONSTRUCTS:
                inside = True
            case ast.Attribute(attr="execute"):
                inside = False  # an expression's own values are bound: only the top is raw SQL
            case _:
                continue
        values: list[ast.AST] = [statement]
        if isinstance(statement, ast.Name):
            values += assigned.get(statement.id, [])
        parts = [part for value in values for part in (ast.walk(value) if inside else [value])]
        if any(_is_built(part) for part in parts):
            yield node.lineno


def _local_names_of_constructs(tree: ast.Module) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and re.match(r"sqlalchemy\b", node.module or "")
        for alias in node.names
        if alias.name in _SQL_CONSTRUCTS
    }


def _assigned_values(tree: ast.Module) -> dict[str, list[ast.AST]]:
    values: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, ast.Name):
                        values.setdefault(target.id, []).append(value)
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id=name), value=value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                values.setdefault(name, []).append(value)
    return values


def _is_built(node: ast.AST) -> bool:
    match node:
        case ast.JoinedStr():
            return True
        case ast.BinOp(op=ast.Mod() | ast.Add(), left=left, right=right):
            return any(
                isinstance(side, ast.JoinedStr)
                or (isinstance(side, ast.Constant) and isinstance(side.value, str))
                for side in (left, right)
            )
        case ast.Call(func=ast.Attribute(attr="format" | "format_map")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="join")):
            return True
        case _:
            return False
