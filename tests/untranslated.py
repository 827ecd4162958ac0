"""Finds texts in the source that no language can translate: literals for people outside tr()."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

Text = ast.Constant | ast.JoinedStr

# Two words in a row, or a placeholder next to a word: `{name} is empty`.
_SENTENCE = re.compile(r"[A-Za-z]{2,}[’'.,:;)…]* +[a-z{(]|\}[’'.,:;)]* [a-z]{2,}|[a-z]{2,}[:,]? \{")
_CAPTION = re.compile(r"&?[A-Z][a-z]{2,}[….:]?")
# Calls whose texts are for programs or for those who write them: looked up as a whole, names of
# widgets and threads, SQL, formats, dates, regular expressions, and errors that are bugs.
_CALLS = """
tr trn AssertionError FileExistsError KeyError NotImplementedError RuntimeError TypeError ValueError
Column ForeignKeyConstraint Literal NewType QFont QKeySequence QSettings Thread TypeVar
UniqueConstraint add_header cast compile critical debug encode endswith error exception
exec_driver_sql execute findall fullmatch getLogger getattr import_module info log match replace
search setObjectName setProperty setStyleSheet setApplicationName split startswith strftime strptime
sub text warning
"""
_FOR_PROGRAMS = frozenset(_CALLS.split())
_SQL = re.compile(r"(ALTER|BEGIN|CREATE|DELETE|DROP|INSERT|PRAGMA|SELECT|UPDATE)\b")


def untranslated(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every literal that reads like a text for people, and is not looked up."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if hidden := _hidden(node):
            yield node.lineno, hidden
        if not isinstance(node, Text) or isinstance(parents[node], ast.Expr | ast.JoinedStr):
            continue
        text = _text(node)
        reads_so = _SENTENCE.search(text) or _CAPTION.fullmatch(text)
        if reads_so and not _SQL.match(text) and not _is_for_programs(node, parents):
            yield node.lineno, text


def _text(node: Text) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
    )


def _is_for_programs(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    inner, outer = node, parents[node]
    while True:
        match outer:
            case ast.Call(func=func):
                name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                return name in _FOR_PROGRAMS
            case ast.Assert() | ast.Compare() | ast.arg():
                return True
            case ast.Subscript(slice=key) if inner is key:
                return True
            case ast.AnnAssign(annotation=annotation) if inner is annotation:
                return True
            case ast.FunctionDef(returns=returns) if inner is returns:
                return True
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                return True
            case ast.Dict(keys=keys) if inner in keys:
                return True
            case ast.stmt():
                return False
        inner, outer = outer, parents[outer]


def files(app: Path) -> list[Path]:
    """The modules that may show texts: not the tables of the database and their history."""
    return [
        path
        for path in sorted(app.rglob("*.py"))
        if "migrations" not in path.parts and path.name != "tables.py"
    ]


def _hidden(node: ast.AST) -> str:
    """A text looked up in an f-string, where those who gather texts do not look; else empty."""
    match node:
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="tr" | "trn")) as call):
            return ast.unparse(call)
    return ""
