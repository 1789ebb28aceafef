"""What random histories share: a command that can be carried out again, and how many are drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, settings


@dataclass(frozen=True)
class Recorded:
    """A command that was carried out: how to do it again, when, and which merge it made or undid."""

    again: Callable
    moment: object
    merge: str | None = None


def steps(examples, length):
    """Settings for so many histories of so many steps at most."""
    return settings(
        max_examples=examples,
        stateful_step_count=length,
        deadline=None,
        derandomize=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
