"""The one rule of reasons (AU-1): which verbs need one, and that one which is given says something."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from identity_engine import Engine
from identity_engine.application.acting import Operations
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import UsageError
from tests.support.world import world

NEEDED = {
    *("merging.merge", "unmerging.unmerge", "telling_apart.tell", "telling_apart.lift"),
    *("identifiers.transfer", "identifiers.share", "identifiers.unshare"),
    *("interactions.associate", "interactions.unlink", "interactions.create_contact"),
    *("lifecycle.delete", "lifecycle.set_hold", "lifecycle.lift_hold"),
    *(
        "divisions.move",
        "divisions.lift_unlink",
        "divisions.link_across",
        "divisions.unlink_across",
    ),
}
ID, OTHER = "019b1c3e-7c5a-7000-8000-0123456789ab", "019b1c3e-7c5a-7000-8000-0123456789ac"
GIVEN: dict[str, Any] = {
    "contact_ids": [ID, OTHER],
    "value": Value("email", "a@example.org"),
    "other": OTHER,
    "to": "south",
    "record_type": "contact",
    "case": "C-000001",
}
"""What a call is given besides its reason; all else is an id."""


def verbs() -> Iterator[tuple[str, inspect.Parameter]]:
    """Yield every operation of the desk that takes a reason."""
    with Engine.in_memory(world()) as engine:
        for area, operations in vars(engine.desk).items():
            if not isinstance(operations, Operations):
                continue
            for name, method in inspect.getmembers(type(operations), callable):
                taken = {} if name.startswith("_") else inspect.signature(method).parameters
                if "reason" in taken:
                    yield f"{area}.{name}", taken["reason"]


VERBS = dict(verbs())


@pytest.fixture(scope="module")
def engine():
    with Engine.in_memory(world()) as opened:
        yield opened


def test_these_verbs_need_a_reason_and_no_others():
    needed = {verb for verb, taken in VERBS.items() if taken.default is inspect.Parameter.empty}
    assert needed == NEEDED
    assert len(VERBS) > len(NEEDED)


def test_a_reason_is_given_by_its_name():
    kinds = {verb: taken.kind for verb, taken in VERBS.items()}
    assert {
        verb for verb, kind in kinds.items() if kind is not inspect.Parameter.KEYWORD_ONLY
    } == set()


@pytest.mark.parametrize("reason", ["", " \n", "a\x00b"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_reason_that_is_given_says_something(engine, verb, reason):
    area, name = verb.split(".")
    method = getattr(getattr(engine.desk, area), name)
    asked = {
        name: GIVEN.get(name, ID)
        for name, one in inspect.signature(method).parameters.items()
        if one.default is inspect.Parameter.empty
    }
    head = engine.store.head()
    with pytest.raises(UsageError, match=r"^The reason (is empty|has up to)"):
        method(**{**asked, "reason": reason})
    assert engine.store.head() == head
