"""A writer that others overtake between its decision and its write."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from identity_engine import Engine


@contextmanager
def overtaken(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, *others: Callable[[], object]
) -> Iterator[None]:
    """Within, each time `engine` has decided and is about to write, the next of `others` runs."""
    waiting = list(others)
    stage = engine.store.stage

    def stage_later(events: Any, **arguments: Any) -> Any:
        if waiting:
            waiting.pop(0)()
        return stage(events, **arguments)

    with monkeypatch.context() as patch:
        patch.setattr(engine.store, "stage", stage_later)
        yield
    assert not waiting, "nothing was overtaken"
