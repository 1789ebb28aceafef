"""Every statement in the sources keeps to what both databases understand: see `projections.sql`."""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
OF_ONE_DATABASE = re.compile(r"event_store/(?:(?:postgres|sqlite)/|sqlite_files)")
IS_SQL = re.compile(
    r"\bSELECT\s|\bINSERT\s+(?:INTO|OR)\s|\bUPDATE\s+(?:OR\s|\w+\s+SET\s)|\bDELETE\s+FROM\s"
    r"|\bCREATE\s+(?:TABLE|(?:UNIQUE\s+)?INDEX)\s|\bREPLACE\s+INTO\s|\bORDER\s+BY\s"
)
UNKNOWN = "(§)"
"""Stands in a statement for what is put in when it runs."""
TEXT = re.compile(r"'(?:[^']|'')*'")
COMMENT = re.compile(r"--[^\n]*")
KEYED = re.compile(r"INSERT INTO (\w+) VALUES .*?ON CONFLICT \(([\w, ]+)\) DO UPDATE", re.DOTALL)
TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+) \((.*?)\n\)", re.DOTALL)
COLUMN = re.compile(r"^\s+(\w+) ([A-Z]+)\b(.*)$", re.MULTILINE)

ORDERED_BY = r"\bORDER BY\s+(?:(?!\bLIMIT\b)(?:[^()]|\([^()]*\)))*?(?<=[\s,])"
ENDS = r"\s*(?:\)|$|\b(?:AND|OR|THEN|ORDER|LIMIT)\b)"

REFUSED = {
    "INSERT OR REPLACE has no counterpart: use upsert": (
        r"\b(?:INSERT|UPDATE)\s+OR\s+(?!IGNORE\b)|\bUPDATE\s+OR\b|\bREPLACE\s+INTO\b",
        "INSERT OR REPLACE INTO t VALUES (?)",
    ),
    "MAX and MIN take one value: write CASE": (
        r"\b(?:MAX|MIN)\((?:[^(),]|\([^()]*\))*,",
        "SELECT MAX(COALESCE(a, 1), ?) FROM t",
    ),
    "JSON is computed in Python": (
        r"(?i)\bjson\(|\bjsonb?_(?!each\b|extract\(:\w+, ''\s*\|\|)\w+|->",
        "UPDATE t SET a = json_set(a, '$.b', ?)",
    ),
    "json_each takes a placeholder or a column": (
        r"\bjson_each\((?!\s*(?:\?\d*|:\w+|[\w.]+|\(§\))\s*\))",
        "SELECT value FROM json_each('[1]')",
    ),
    "IN takes a list or a SELECT": (r"\bIN\s+(?!\()", "SELECT a FROM t WHERE a IN known"),
    "IS compares with NULL only": (
        r"\bIS\s+(?:NOT\s+)?(?!NULL\b|NOT\b|TRUE\b|FALSE\b|DISTINCT\b)\S",
        "SELECT a FROM t WHERE a IS NOT b",
    ),
    "a parameter has no type of its own: CAST(? AS TEXT) IS NULL": (
        r"(?:\?\d*|:\w+)\s+IS\b",
        "SELECT a FROM t WHERE :a IS NULL",
    ),
    "a recursion starts from a column": (
        r"\bRECURSIVE\s+\w+\s*\([^)]*\)\s+AS\s+\(\s*SELECT\s+(?:CAST\()?[?:]",
        "WITH RECURSIVE r(id) AS (SELECT ? UNION SELECT a FROM t) SELECT id FROM r",
    ),
    "a recursion has one term that refers to itself": (
        r"\bRECURSIVE\s+(\w+)\s*\([^)]*\)\s+AS\s+\((?:(?!\bUNION\b)[\s\S])*\bUNION\b"
        r"(?:(?!\bUNION\b)[\s\S])*\b\1\b(?:(?!\bUNION\b)[^()])*\bUNION\b[^()]*\b\1\b[^()]*\)",
        "WITH RECURSIVE r(id) AS (SELECT a FROM t UNION SELECT b FROM t JOIN r ON a = id "
        "UNION SELECT a FROM t JOIN r ON b = id) SELECT id FROM r",
    ),
    "a function of SQLite alone": (
        r"(?i)\b(?:ifnull|iif|printf|format|typeof|total|strftime|datetime|date|julianday|unixepoch|"
        r"changes|last_insert_rowid|randomblob|zeroblob|char|unicode|quote|glob|likely|unlikely)\(",
        "SELECT ifnull(a, 0) FROM t",
    ),
    "instr is a number: compare it": (
        r"\b(?:WHERE|AND|OR|NOT|WHEN)\s+instr\([^()]*\)(?!\s*(?:[<>=!]))",
        "SELECT a FROM t WHERE instr(a, ?)",
    ),
    "hex is written lower(hex(x))": (r"(?<!lower\()\bhex\(", "SELECT hex(a) FROM t"),
    "an operator of SQLite alone": (
        r"==|\b(?:GLOB|REGEXP|NOTNULL|ISNULL|INDEXED BY)\b",
        "SELECT a FROM t WHERE a == 1",
    ),
    "LIMIT takes no negative number": (r"\bLIMIT\s+-", "SELECT a FROM t LIMIT -1"),
    "UPDATE and DELETE take no LIMIT": (
        r"^\s*(?:UPDATE|DELETE)\b(?:[^()]|\((?:[^()]|\([^()]*\))*\))*\bLIMIT\b",
        "DELETE FROM t WHERE a IN (SELECT a FROM s) LIMIT 1",
    ),
    "numbers are cast to BIGINT": (
        r"\bAS\s+(?:INT|INTEGER|NUMERIC|VARCHAR)\b",
        "SELECT CAST(a AS INTEGER) FROM t",
    ),
    "a name stands in no backticks or brackets": (r"[`\[]\w+[`\]]", "SELECT [a] FROM t"),
}
"""Why a statement is refused -> the pattern of what it says outside of quotes, and one that says it."""


class Said(NamedTuple):
    """A piece of SQL in the sources."""

    file: str
    line: int
    text: str


def _in_sources() -> Iterator[Said]:
    for package in ("projections", "identity_engine"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if not OF_ONE_DATABASE.search(path.as_posix()):
                yield from _in_file(path)


def _in_file(path: Path) -> Iterator[Said]:
    tree = ast.parse(path.read_text())
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = path.relative_to(ROOT).with_suffix("").parts
    for node in _texts(tree):
        if node not in docstrings and IS_SQL.search(_read(node, {})):
            module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
            text = COMMENT.sub("", _read(node, vars(module)))
            yield Said("/".join(parts), node.lineno, text)


def _texts(node: ast.AST) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr) or (
            isinstance(child, ast.Constant) and isinstance(child.value, str)
        ):
            yield child
        else:
            yield from _texts(child)


def _read(node: ast.expr, known: Mapping[str, object]) -> str:
    """Return a text as its module knows it; what only a call knows stays unknown."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_read(part, known) for part in node.values)
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)
    try:
        return str(eval(compile(ast.Expression(node.value), "<text>", "eval"), {**known}))
    except NameError:
        return UNKNOWN


STATEMENTS = list(_in_sources())
TABLES = {
    name: {column: (type_, rest) for column, type_, rest in COLUMN.findall(body)}
    for said in STATEMENTS
    for name, body in TABLE.findall(said.text)
}
"""The columns of each table: type, and what else is said of it."""


def faults(text: str) -> set[str]:
    """Return why a statement would not run on both databases, or not alike."""
    bare = TEXT.sub("''", text)
    found = {reason for reason, (pattern, _) in REFUSED.items() if re.search(pattern, bare)}
    named = [(c, *of) for t, columns in TABLES.items() if re.search(rf"\b{t}\b", bare)
             for c, of in columns.items()]  # fmt: skip
    # A name that two tables use apart is left to the contract tests.
    filled = {column for column, _, rest in named if re.search("NOT NULL|PRIMARY KEY", rest)}
    filled |= set(re.findall(r"\b(\w+) IS NOT NULL\b", bare))
    truths = {column for column, type_, _ in named if type_ == "BOOLEAN"}
    others = {column for column, type_, _ in named if type_ != "BOOLEAN"}
    for column in {column for column, _, _ in named} - filled:
        if re.search(rf"{ORDERED_BY}(?:\w+\.)?{column}\b(?!\s+(?:DESC\s+)?(?:NULLS|IS)\b)", bare):
            found.add(f"ORDER BY {column} says where NULL stands")
    for column in truths - others:
        if re.search(rf"\b{column}\s*(?:=|!=|<>)\s*[01]\b", bare):
            found.add(f"{column} is TRUE or FALSE")
    for column in others - truths:
        if re.search(rf"\b(?:WHERE|AND|OR|NOT|WHEN)\s+(?:\w+\.)?{column}{ENDS}", bare):
            found.add(f"{column} is no condition")
    for table, key in KEYED.findall(bare):
        first = list(TABLES.get(table, ()))[: len(key.split(", "))]
        if first and first != key.split(", "):
            found.add("the key of an insertion without names is that of the first columns")
    return found


def test_the_sources_are_read() -> None:
    assert len(STATEMENTS) > 250
    assert {"identity_contact", "case_mail", "interaction", "data_key"} <= TABLES.keys()


@pytest.mark.parametrize("file", sorted({said.file for said in STATEMENTS}))
def test_statements_keep_to_what_both_databases_understand(file: str) -> None:
    found = [(said.line, faults(said.text)) for said in STATEMENTS if said.file == file]
    assert [one for one in found if one[1]] == []


@pytest.mark.parametrize("reason", REFUSED)
def test_each_rule_refuses_something(reason: str) -> None:
    _, example = REFUSED[reason]
    assert IS_SQL.search(example)
    assert faults(example) == {reason}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM profile_contribution ORDER BY time, source",
        "SELECT id FROM profile_contribution ORDER BY source DESC",
        "SELECT stage FROM identity_contact WHERE on_hold = 1",
        "SELECT link_id FROM crm_link WHERE due AND linked",
        "INSERT INTO contact VALUES (?, ?) ON CONFLICT (version) DO UPDATE SET state = NULL",
    ],
)
def test_what_a_statement_says_of_columns_is_checked(text: str) -> None:
    assert faults(text)
