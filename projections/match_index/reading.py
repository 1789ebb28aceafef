"""What a batch has read of the index, noted while it reads."""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping

from aggregates.values import ContactId


class Reading:
    """Keys that were asked for, and where the interactions that were found were linked to."""

    def __init__(self) -> None:
        self.natural_keys: set[bytes] = set()
        self.block_keys: set[int] = set()
        self.links: dict[int, ContactId | None] = {}
        self.is_provisional = False
        """Whether re-evaluation decides again in the end, so that only contacts that are written must be
        as they were read; who was only compared may have changed."""
        self._may_grow: set[int] = set()

    def rely_on(self, keys: Iterable[int], *, may_grow: bool) -> None:
        """Note whether what is decided by these keys, which are loaded, holds even if they come to lead
        to more. Once it does not for a key, it stays so."""
        if may_grow:
            self._may_grow.update(keys)
        else:
            self._may_grow.difference_update(keys)

    def contacts_relied_on(
        self, read: Mapping[ContactId, int], written: Collection[ContactId]
    ) -> dict[ContactId, int]:
        """Return how often the contacts that must stand as they were read had been touched."""
        if not self.is_provisional:
            return dict(read)
        return {one: touched for one, touched in read.items() if one in written}

    def links_relied_on(self) -> dict[int, ContactId | None]:
        """Return the links that must stand as they were read; one that moved touched its contact."""
        return {} if self.is_provisional else dict(self.links)

    def relied_on(self) -> frozenset[int]:
        """Return the block keys that must lead nowhere else when the batch is written."""
        return frozenset(self.block_keys - self._may_grow)


def room(cap: int | None, posted: Iterable[int], crowded: Container[int]) -> dict[int, int]:
    """Return how many records may stand under each key that a batch posts under, before it adds its own:
    with more the key would become crowded, and the batch would not know it.

    Args:
        cap: how many records a key may lead to; None where no records are posted.
        posted: the keys, each as often as the batch posts under it.
        crowded: those that are crowded already.
    """
    if cap is None:
        return {}
    return {key: cap - own for key, own in Counter(posted).items() if key not in crowded}
