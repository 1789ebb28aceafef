"""What re-evaluation did, in numbers."""

from collections import Counter

from msgspec import Struct, field


class Reevaluated(Struct):
    """What re-evaluation changed, and which guards kept strong pairs apart, by name."""

    evaluated: int = 0
    merged: int = 0
    unmerged: int = 0
    moved: int = 0
    shared: int = 0
    across: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, step: "Reevaluated") -> None:
        """Count what a step changed."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(step, name))
