"""Verbs of interactions: interaction waiting."""

from cyclopts import App

from identity_engine.application.engine import Engine
from identity_engine.cli.output import Json, Store, show, show_json, show_table

interaction = App(name="interaction", help="Show interactions, and correct whom they belong to.")


@interaction.command
def waiting(*, store: Store = None, limit: int = 100, json: Json = False) -> None:
    """List changes that came before their interaction and wait for it, the oldest first.

    Parameters
    ----------
    limit
        Show at most this many.
    """
    with Engine.open(store) as engine:
        found = engine.desk.interactions.waiting(limit)
    if json:
        show_json(found)
    elif not found:
        show("No change waits for its interaction.")
    else:
        show_table(
            ("change", "id", "waits for", "of source", "time", "received"),
            [
                (
                    one.change,
                    one.id,
                    one.interaction,
                    one.interaction_source,
                    one.time[:19],
                    one.received_at[:19],
                )
                for one in found
            ],
        )
