"""What the engine asks of a source of further values: the records that match identifiers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct, field


class Named(NamedTuple):
    """An identifier: its type and its value as it is compared."""

    type: str
    value: str


class FoundRecord(Struct, frozen=True):
    """One record of a source: what it is called there, its identifiers, and the values of its fields."""

    reference: str
    identifiers: tuple[Named, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class AugmentationSource(Protocol):
    """A directory, a data broker, a registry."""

    def look_up(self, identifiers: Sequence[Named]) -> list[FoundRecord]:
        """Return the records that may match one of these identifiers.

        The caller checks that they do: a source may compare more loosely.

        Raises:
            RemoteError: the source failed or refused; never an empty answer instead.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
