"""Verbs of augmentation: augment look|apply|revert|list|work|waiting."""

from typing import Annotated

from cyclopts import App, Parameter

from identity_engine.application.explanation.sentences import Sentences, sentences_in
from identity_engine.application.operations.augmentation.applying import Answer, Choice
from identity_engine.cli.contacts import Id
from identity_engine.cli.editing import several
from identity_engine.cli.opening import opened
from identity_engine.cli.output import (
    DryRun,
    EffectiveAt,
    Json,
    Lang,
    Limit,
    Store,
    language,
    show,
    show_done,
    show_json,
    show_table,
    tasks_due,
)
from identity_engine.cli.usage import not_both

augment = App(name="augment", help="Further values of a contact, from sources outside.")


@augment.command
def look(id_: Id, *, store: Store = None, lang: Lang = None, json: Json = False) -> int:
    """Ask the sources for records that match the contact; write nothing. Exit 1 if one failed."""
    with opened(store) as engine:
        looked = engine.desk.augmentation.look(id_)
    say = sentences_in(language(lang))
    if json:
        show_json(looked)
    elif looked.reason is not None:
        show(say.say("augmentation.no_data"))
    else:
        for answer in looked.answers:
            _show_answer(answer, say)
    return 1 if any(answer.failure for answer in looked.answers) else 0


@augment.command
def apply(
    id_: Id,
    *,
    source: Annotated[str, Parameter(help="The name of the source.")],
    record: Annotated[str, Parameter(help="The record, as look shows it.")],
    tick: Annotated[
        list[str] | None, Parameter(help="FIELD=VALUE to take over; repeat it for several.")
    ] = None,
    all_: Annotated[
        bool, Parameter(name="--all", negative="", help="Take over all of the record.")
    ] = False,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take ticked values of a record over into the contact; nothing ticked, nothing written."""
    not_both(all=all_, tick=tick)
    ticked = tuple((name, one) for name, values in several(tick).items() for one in values)
    choice = Choice(source, record, None if all_ else ticked)
    with opened(store) as engine:
        augmented = engine.desk.augmentation.apply(
            id_, [choice], effective_at=effective_at, dry_run=dry_run
        )
    if json:
        show_json(augmented)
    else:
        named = ", ".join(augmented.augmentation_ids)
        show_done(augmented.done, f"Taken over as {named}", json=False)


@augment.command
def revert(
    id_: Id,
    augmentation: Annotated[str, Parameter(name="AUGMENTATION", help="Its id, as list shows it.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take an augmentation back: the contact is as if it had never been."""
    with opened(store) as engine:
        done = engine.desk.augmentation.revert(id_, augmentation, dry_run=dry_run)
    show_done(done, "The augmentation was taken back", json=json)


@augment.command(name="list")
def list_(id_: Id, *, store: Store = None, json: Json = False) -> None:
    """List the augmentations of a contact, those taken back included."""
    with opened(store) as engine:
        applied = engine.desk.augmentation.applied(id_)
    if json:
        show_json(applied)
    else:
        show_table(
            ("augmentation", "taken over"),
            [
                (
                    one.augmentation_id,
                    f"{one.source} {one.reference or ''}: "
                    + ", ".join(f"{name}={value}" for name, value in one.values)
                    + f" (by {one.actor}, {one.at[:10]}"
                    + (", taken back)" if one.is_reverted else ")"),
                )
                for one in applied
            ],
            none="Nothing was taken over.",
        )


@augment.command
def work(*, store: Store = None, dry_run: DryRun = False, json: Json = False) -> int:
    """Look up who arrived on channels that name a source. Exit 1 if a source failed."""
    with opened(store) as engine:
        done = engine.desk.arrivals.work(dry_run=dry_run)
    if json:
        show_json(done)
    elif dry_run:
        show(tasks_due(done.due, done.waiting))
    else:
        show(
            f"{done.taken} taken over, {done.nothing_new} with nothing new, {done.several} with several "
            f"records to choose from, {done.no_match} without data, {done.failed} failed, "
            f"{done.waiting} waiting."
        )
    return 1 if done.failed else 0


@augment.command
def waiting(
    *,
    store: Store = None,
    limit: Annotated[Limit, Parameter(help="Show at most this many.")] = 50,
    json: Json = False,
) -> None:
    """List arrivals that are still to be looked up, and why their last try failed."""
    with opened(store) as engine:
        found = engine.desk.arrivals.waiting(limit)
    if json:
        show_json(found)
    else:
        show_table(
            ("interaction", "source", "tries", "not before", "failed because"),
            [
                (one.interaction_id, one.source, one.attempts, one.not_before[:19], one.reason)
                for one in found
            ],
            none="Nobody waits to be looked up.",
        )


def _show_answer(answer: Answer, say: Sentences) -> None:
    if answer.failure is not None:
        show(say.say("augmentation.failed", source=answer.source, reason=answer.failure))
    elif not answer.records:
        show(f"{answer.source}: {say.say('augmentation.no_data')}")
    for record in answer.records:
        show(f"{answer.source} {record.reference}", "bold")
        show_table(
            ("field", "value", "taking it over would"),
            [(one.name, one.value, one.effect) for one in record.values],
            none="It says nothing.",
        )
