"""The verb doctor: is this store healthy, and if not, what to do."""

from identity_engine.application.diagnosis.doctor import examine
from identity_engine.cli.output import Json, Store, show_json, show_table


def doctor(*, store: Store = None, json: Json = False) -> int:
    """Check the store, its keys, its views and its surroundings. Exit code 1 if one fails."""
    findings = examine(store)
    if json:
        show_json(findings)
    else:
        show_table(
            ("check", "verdict", "what was found"),
            [(one.check, "ok" if one.is_sound else "PROBLEM", one.found) for one in findings],
            none="",
        )
    return 0 if all(one.is_sound for one in findings) else 1
