"""The verb doctor: is this store healthy, and if not, what to do."""

from identity_engine.application.diagnosis.doctor import examine
from identity_engine.cli.options import Json, Store
from identity_engine.cli.terminal.output import answer_rows


def doctor(*, store: Store = None, json: Json = False) -> int:
    """Check the store, its keys, its views and its surroundings. Exit code 1 if one fails."""
    findings = examine(store)
    answer_rows(
        findings,
        ("check", "verdict", "what was found"),
        lambda one: (one.check, "ok" if one.is_sound else "PROBLEM", one.found),
        none="",
        json=json,
    )
    return 0 if all(one.is_sound for one in findings) else 1
