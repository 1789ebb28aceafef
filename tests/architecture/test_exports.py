"""Users import one package: what its calls take and raise is there, and the drawn tree is true."""

import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import identity_engine
from identity_engine import Engine, errors
from identity_engine.application.operations.desk import Desk
from identity_engine.application.permissions import action_of

ROOT = Path(__file__).parents[2]
OURS = ("identity_engine", "aggregates", "projections", "matchers")
FOR_TESTS = {"World", "MailPort"}
"""Clock, chance and mail server, which tests set and the settings name elsewhere."""

BRANCH = re.compile(r"^((?:│   |    )*)[├└]── (\w+)", re.MULTILINE)


def _errors() -> dict[str, type[Exception]]:
    return {
        name: one
        for name, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, errors.IdentityEngineError)
    }


def _parts(annotation: object) -> Iterator[type]:
    if inspect.isclass(annotation) and annotation.__module__.startswith(OURS):
        yield annotation
    for one in typing.get_args(annotation):
        yield from _parts(one)


def _public_calls() -> Iterator[object]:
    for name, one in inspect.getmembers(Engine, callable):
        if not name.startswith("_") and name != "under":
            yield one
    for operations in vars(Desk(None)).values():  # type: ignore[arg-type]
        for _, method in inspect.getmembers(type(operations), inspect.isfunction):
            if action_of(method) is not None:
                yield method


@pytest.mark.parametrize("name", identity_engine.__all__)
def test_each_name_that_is_exported_is_there(name: str) -> None:
    assert getattr(identity_engine, name) is not None


def test_what_public_calls_take_is_exported() -> None:
    taken = {
        part.__name__
        for call in _public_calls()
        for parameter in inspect.signature(call).parameters.values()  # type: ignore[arg-type]
        for part in _parts(parameter.annotation)
    }
    assert len(taken) > 5
    assert taken - set(identity_engine.__all__) - FOR_TESTS == set()


def test_every_error_is_exported() -> None:
    assert set(_errors()) - set(identity_engine.__all__) == set()


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    above = ["IdentityEngineError"]
    drawn = {}
    for indent, name in BRANCH.findall(errors.__doc__ or ""):
        level = len(indent) // 4 + 1
        drawn[name] = above[level - 1]
        above[level:] = [name]
    bases = {name: one.__bases__[0].__name__ for name, one in _errors().items()}
    assert drawn == {name: base for name, base in bases.items() if base != "Exception"}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name
)
def test_a_page_imports_from_the_one_package(page: Path) -> None:
    packages = re.findall(
        rf"^(?:from|import) ((?:{'|'.join(OURS)})[\w.]*)", page.read_text("utf-8"), re.MULTILINE
    )
    assert set(packages) <= {"identity_engine"}
