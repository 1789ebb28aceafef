"""How verbs become a group."""

from collections.abc import Callable
from typing import Any

from cyclopts import App


def group(name: str, about: str, *verbs: Callable[..., Any] | App) -> App:
    """Return a group of verbs, shown by the help in this order.

    A verb is named as its function: `tell_apart` is typed tell-apart, and `list_` list.
    """
    made = App(name=name, help=about)
    for verb in verbs:
        made.command(verb)
    return made
