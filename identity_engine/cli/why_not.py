"""The verb why-not: what keeps two apart."""

from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.explanation.sentences import sentences_in
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Lang, Store
from identity_engine.cli.terminal.output import answer, language
from identity_engine.cli.terminal.waterfall import show_why_not


def why_not(
    one: Annotated[str, Parameter(name="ONE", help="A contact's or an interaction's id.")],
    other: Annotated[str, Parameter(name="OTHER", help="Another one's id.")],
    *,
    store: Store = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Say why two contacts, or two interactions, are not one, and what would tip it."""
    with opened(store) as engine:
        found = engine.why_not(one, other, language(lang))
    answer(found, lambda found: show_why_not(found, sentences_in(language(lang))), json=json)
