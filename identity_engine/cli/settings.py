"""Verbs about the settings of this process: settings show|check."""

from collections.abc import Sequence

from identity_engine.cli.group import group
from identity_engine.cli.options import Json, Store
from identity_engine.cli.terminal.output import answer, show, show_table
from identity_engine.settings.model import fields_of, masked, value_of
from identity_engine.settings.sources import config_file, in_force, problems, read


def show_(*, store: Store = None, json: Json = False) -> None:
    """Show every setting, its value and where it came from. A password in an address is masked."""
    reading = read({"store": store})
    found = in_force({"store": store})
    rows = [(name, masked(value_of(found, name)), reading.origin(name)) for name, _ in fields_of()]
    answer(
        [{"name": name, "value": value, "origin": origin} for name, value, origin in rows],
        lambda _: show_table(
            ("setting", "value", "from"),
            [(name, _told(value), origin) for name, value, origin in rows],
            none="",
        ),
        json=json,
    )


def check(*, store: Store = None, json: Json = False) -> int:
    """Tell all that is wrong with the settings at once. Exit code 1 if anything is."""
    faults = problems({"store": store})
    answer(faults, _show_faults, json=json)
    return 1 if faults else 0


def _told(value: object) -> object:
    return ", ".join(value) if isinstance(value, tuple) else value


def _show_faults(faults: Sequence[str]) -> None:
    for fault in faults:
        show(fault)
    if not faults:
        show(f"The settings are valid. File: {config_file() or 'none'}.")


settings = group("settings", "Where things are: what is set, where that came from.", show_, check)
