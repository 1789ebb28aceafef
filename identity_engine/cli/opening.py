"""How a verb comes to the store that it works on."""

from identity_engine.application.engine import Engine


def opened(store: str | None, *, make: bool = False) -> Engine:
    """Open a store that is there.

    A name with a typing error would else become a folder with a master key of its own, in which nobody
    is found.

    Args:
        store: as for `Engine.open`.
        make: make it if it is not there: for verbs that may come first in the life of a store, and not
            in a dry run of them.

    Raises:
        ConfigurationError: it is not there and is not to be made, or cannot be opened as it is.
    """
    return Engine.open(store, make=make)
