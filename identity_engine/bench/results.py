"""One measured number and its verdict."""

from typing import Literal

from msgspec import Struct


class Result(Struct, frozen=True):
    """A number with its unit; `goal` says what it must reach, empty where it is only reported."""

    name: str
    value: float
    unit: str
    goal: str
    verdict: Literal["reached", "missed", ""]

    @property
    def shown(self) -> str:
        """The value with as many digits as say something."""
        return f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:.4g}"


def at_least(name: str, value: float, unit: str, goal: float) -> Result:
    """Judge a number that must not be smaller than its goal."""
    verdict: Literal["reached", "missed"] = "reached" if value >= goal else "missed"
    return Result(name, value, unit, f">= {goal:g}", verdict)


def at_most(name: str, value: float, unit: str, goal: float) -> Result:
    """Judge a number that must not be greater than its goal."""
    verdict: Literal["reached", "missed"] = "reached" if value <= goal else "missed"
    return Result(name, value, unit, f"<= {goal:g}", verdict)


def reported(name: str, value: float, unit: str) -> Result:
    """Show a number that is not judged, such as a limit."""
    return Result(name, value, unit, "", "")
