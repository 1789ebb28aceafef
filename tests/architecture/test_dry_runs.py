"""Every verb whose operation writes has `--dry-run`, and every operation that writes can do without.

What an operation writes is read from its code: it opens a command that is no dry run, takes the write
lock, puts rules in force or marks dead letters, by itself or by what it calls of its own class and of
the workers.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

import pytest

from identity_engine.application.acting import Operations
from identity_engine.application.cases.outbox import Outbox
from identity_engine.application.crm.worker import Worker
from identity_engine.application.engine import Engine
from identity_engine.application.operations.desk import Desk
from identity_engine.application.permissions import action_of
from tests.architecture.test_docs import generate

WRITERS = {"command", "writing", "activate", "mark"}
WORKERS = {"Outbox": Outbox, "Worker": Worker}
ENGINE_WRITES = {
    "ingest", "ingest_file", "consume", "reevaluate", "request_reevaluation", "redrive",
    "rebuild", "rebuild_index",
}  # fmt: skip
ENGINE_READS = {"rehearse", "verify", "verify_index"}
"""Of the engine it is said here: what it calls is made elsewhere."""

CLI = "identity_engine.cli."

WITHOUT = {
    "ingest": "what an interaction is linked to depends on those written before it; the demo is a trial",
    "consume": "as ingest, and messages that were read are not read again",
    "reevaluate": "each step rests on what the one before wrote; see rehearse",
    "projections rebuild": "views are no facts: they are made from the log at any time",
    "demo": "it writes into a store of its own",
}
"""Verbs that write and have no dry run, and why."""

OPERATIONS = {
    name: type(one) for name, one in vars(Desk(None)).items() if isinstance(one, Operations)
}


def _tree(code: Any) -> ast.AST:
    return ast.parse(dedent(inspect.getsource(inspect.unwrap(code))))


def _writes(owner: type, method: str, seen: set[tuple[type, str]]) -> bool:
    """Tell whether a method writes, or what it calls of its class, or a worker that it sends."""
    if (owner, method) in seen or not isinstance(getattr(owner, method, None), FunctionType):
        return False
    seen.add((owner, method))
    for node in ast.walk(_tree(getattr(owner, method))):
        if isinstance(node, ast.Name) and node.id in WORKERS:
            worker = WORKERS[node.id]
            if any(_writes(worker, name, seen) for name in vars(worker)):
                return True
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in WRITERS:
            if not _is_dry(node):
                return True
            continue
        of_self = isinstance(node.func.value, ast.Name) and node.func.value.id == "self"
        if of_self and _writes(owner, node.func.attr, seen):
            return True
    return False


def _is_dry(call: ast.Call) -> bool:
    said = next((one.value for one in call.keywords if one.arg == "dry_run"), None)
    return isinstance(said, ast.Constant) and said.value is True


def _writing() -> Iterator[tuple[str, str]]:
    """Yield (group of the desk, operation) of all that write."""
    for group, owner in OPERATIONS.items():
        for name, method in inspect.getmembers(owner, inspect.isfunction):
            if action_of(method) is not None and _writes(owner, name, set()):
                yield group, name


WRITING = set(_writing())


def _named(code: Any, module: ModuleType, seen: set[Any]) -> Iterator[str]:
    """Yield what a verb names of the engine and the desk: `desk.crm.work`, `engine.redrive`."""
    of_its_own = inspect.unwrap(code).__code__.co_varnames
    for node in ast.walk(_tree(code)):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.Name) and node.id not in of_its_own:
            inner = getattr(module, node.id, None)
            is_ours = isinstance(inner, FunctionType) and inner.__module__.startswith(CLI)
            if is_ours and inner not in seen:
                seen.add(inner)
                yield from _named(inner, sys.modules[inner.__module__], seen)


def _writes_by(verb: Any) -> set[str]:
    """Return the operations that write of those that a verb names."""
    code = verb.default_command
    named = set(_named(code, sys.modules[code.__module__], {code}))
    groups = {group for group in OPERATIONS if any(f"desk.{group}" in one for one in named)}
    last = {one.rpartition(".")[2] for one in named}
    found = {f"{group}.{name}" for group, name in WRITING if group in groups and name in last}
    return found | {one for one in ENGINE_WRITES if f"engine.{one}" in named}


VERBS = [(typed.removeprefix("identity-engine "), verb) for typed, verb in generate.verbs()]


def _options(verb: Any) -> set[str]:
    arguments = verb.assemble_argument_collection(parse_docstring=True)
    return {name for one in arguments for name in one.names}


@pytest.mark.parametrize(("typed", "verb"), VERBS, ids=[typed for typed, _ in VERBS])
def test_a_verb_whose_operation_writes_has_a_dry_run(typed: str, verb: Any) -> None:
    if _writes_by(verb) and typed not in WITHOUT:
        assert "--dry-run" in _options(verb)


def test_what_has_no_dry_run_is_there_and_writes() -> None:
    known = dict(VERBS)
    assert WITHOUT.keys() <= known.keys()
    assert [typed for typed in WITHOUT if "--dry-run" in _options(known[typed])] == []
    assert [typed for typed in WITHOUT if not _writes_by(known[typed])] == []


@pytest.mark.parametrize(
    "typed",
    [
        "admin configure",
        "augment work",
        "case compose",
        "case mail send",
        "case state",
        "contact merge",
        "crm work",
        "dead-letters close",
        "dead-letters redrive",
        "ingest",
        "review confirm",
    ],
)
def test_that_a_verb_writes_is_seen(typed: str) -> None:
    assert _writes_by(dict(VERBS)[typed])


@pytest.mark.parametrize("typed", ["search", "contact show", "admin access", "augment look"])
def test_that_a_verb_only_reads_is_seen(typed: str) -> None:
    assert _writes_by(dict(VERBS)[typed]) == set()


@pytest.mark.parametrize(("group", "name"), sorted(WRITING))
def test_an_operation_that_writes_can_be_tried(group: str, name: str) -> None:
    assert "dry_run" in inspect.signature(getattr(OPERATIONS[group], name)).parameters


def test_of_each_operation_of_the_engine_it_is_known_whether_it_writes() -> None:
    guarded = {
        name
        for name, method in inspect.getmembers(Engine, inspect.isfunction)
        if action_of(method) is not None
    }
    assert guarded == ENGINE_WRITES | ENGINE_READS
