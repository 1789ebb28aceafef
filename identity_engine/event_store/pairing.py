"""Whether a log and a key store belong together: each may have been put back from an older copy."""

from contextlib import suppress

from identity_engine.errors import ConfigurationError, StoreError
from identity_engine.event_store.keys import LOG_BEGUN, KeyRing


class Belonging:
    """What the keys know of the log.

    Args:
        keys: looked at before the log is, because another process may write the first event.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._has_begun = keys.has_named(LOG_BEGUN)

    def refuse_emptied_log(self, head: int) -> None:
        """It would pass for that of a new store. That keys were made says nothing: they are there before
        the first event, and stay behind where the first command is killed.

        Raises:
            ConfigurationError: the log holds no event, and did.
        """
        if self._has_begun and not head:
            raise ConfigurationError(
                "The log is older than its keys: it holds no event, and had some. Restore events.db "
                "from a backup, or begin a new store in an empty place."
            )

    def refuse_older_keys(self, newest: int) -> None:
        """A key store older than the events would give their key numbers a second time.

        Args:
            newest: the number of the newest key in use.

        Raises:
            ConfigurationError: it was never made here.
        """
        if newest > self._keys.last_made():
            raise ConfigurationError(
                "The key store is older than the events. Restore the keys.db that belongs to this "
                "store, from the same backup or a later one."
            )

    def note_events(self) -> None:
        """Remember that the log holds events, after they were stored."""
        if not self._has_begun:
            with suppress(StoreError):  # the next commit tries again
                self._keys.named(LOG_BEGUN)
                self._has_begun = True
