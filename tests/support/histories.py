"""What laws share: a command that can be carried out again, and how many examples are drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, settings


class Drawn:
    """How many times as many examples are drawn as a test run has time for (`--laws`)."""

    times = 1


@dataclass(frozen=True)
class Recorded:
    """A command that was carried out: how to do it again, when, and which merge it made or undid."""

    again: Callable
    moment: object
    merge: str | None = None


def examples(count, *, same=False):
    """Settings for so many examples; the same ones in every test run that draws no more."""
    return settings(
        max_examples=count * Drawn.times, deadline=None, derandomize=same and Drawn.times == 1
    )


def steps(count, length):
    """Settings for so many histories of so many steps at most."""
    return settings(
        examples(count, same=True),
        stateful_step_count=length,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
