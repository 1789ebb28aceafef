"""Wrong usage that no parser sees."""

from identity_engine.errors import UsageError


def not_both(**given: object) -> None:
    """Refuse two options of which one would have no effect.

    Args:
        given: what two options were given, by their names; nothing and an empty list count as not given.

    Raises:
        UsageError: both are given.
    """
    if all(one not in (None, False, ()) for one in given.values()):
        raise UsageError(f"Give {' or '.join(f'--{name}' for name in given)}, not both.")
