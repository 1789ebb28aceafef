"""Verbs about the settings of this process: settings show|check."""

from cyclopts import App

from identity_engine.cli.output import Json, Store, show, show_json, show_table
from identity_engine.settings.model import fields_of, masked, value_of
from identity_engine.settings.sources import config_file, in_force, problems, read

settings = App(name="settings", help="Where things are: what is set, where that came from.")


@settings.command(name="show")
def show_(*, store: Store = None, json: Json = False) -> None:
    """Show every setting, its value and where it came from. A password in an address is masked."""
    reading = read({"store": store})
    found = in_force({"store": store})
    rows = [(name, masked(value_of(found, name)), reading.origin(name)) for name, _ in fields_of()]
    if json:
        show_json(
            [{"name": name, "value": value, "origin": origin} for name, value, origin in rows]
        )
    else:
        show_table(
            ("setting", "value", "from"),
            [(name, _told(value), origin) for name, value, origin in rows],
            none="",
        )


@settings.command
def check(*, store: Store = None, json: Json = False) -> int:
    """Tell all that is wrong with the settings at once. Exit code 1 if anything is."""
    faults = problems({"store": store})
    if json:
        show_json(faults)
    elif faults:
        for fault in faults:
            show(fault)
    else:
        file = config_file()
        show(f"The settings are valid. File: {file or 'none'}.")
    return 1 if faults else 0


def _told(value: object) -> object:
    return ", ".join(value) if isinstance(value, tuple) else value
