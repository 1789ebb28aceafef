"""What people type that no parser checks: FIELD=VALUE, and options that exclude each other."""

from collections.abc import Iterable

from identity_engine.errors import UsageError


def not_both(**given: object) -> None:
    """Refuse two options of which one would have no effect.

    Args:
        given: what two options were given, by their names; nothing, no and none count as not given.

    Raises:
        UsageError: both are given.
    """
    if all(given.values()):
        raise UsageError(f"Give {' or '.join(f'--{name}' for name in given)}, not both.")


def single(typed: Iterable[str] | None) -> dict[str, str]:
    """Return FIELD=VALUE as a dictionary.

    Raises:
        UsageError: one has no `=`, or a field is given twice.
    """
    given = several(typed)
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise UsageError(f"The field {twice[0]} is set twice.")
    return {name: value for name, (value,) in given.items()}


def several(
    typed: Iterable[str] | None,
    what: str = "A value",
    form: str = "FIELD=VALUE",
    example: str = "city=Bonn",
) -> dict[str, list[str]]:
    """Return FIELD=VALUE, of which a field may come several times, as a dictionary.

    Raises:
        UsageError: one has no `=`.
    """
    given: dict[str, list[str]] = {}
    for one in typed or ():
        name, sign, value = one.partition("=")
        if not sign:
            raise UsageError(f"{what} is given as {form}, for example {example}.")
        given.setdefault(name.strip(), []).append(value)
    return given
