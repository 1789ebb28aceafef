"""Verbs of augmentation: augment look|apply|revert|list|work|waiting."""

from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.explanation.sentences import Sentences, sentences_in
from identity_engine.application.operations.augmentation.applying import Answer, Choice, Looked
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import ContactId, DryRun, EffectiveAt, Json, Lang, Limit, Store
from identity_engine.cli.terminal.output import (
    answer,
    answer_rows,
    day,
    language,
    show,
    show_done,
    show_table,
    tasks_due,
    timestamp,
)
from identity_engine.cli.usage import not_both, several


def look(id_: ContactId, *, store: Store = None, lang: Lang = None, json: Json = False) -> int:
    """Ask the sources for records that match the contact; write nothing. Exit 1 if one failed."""
    with opened(store) as engine:
        looked = engine.desk.augmentation.look(id_)
    say = sentences_in(language(lang))
    answer(looked, lambda looked: _show_looked(looked, say), json=json)
    return 1 if any(one.failure for one in looked.answers) else 0


def apply(
    id_: ContactId,
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
    named = ", ".join(augmented.augmentation_ids)
    show_done(augmented.done, f"Taken over as {named}", whole=augmented, json=json)


def revert(
    id_: ContactId,
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


def list_(id_: ContactId, *, store: Store = None, json: Json = False) -> None:
    """List the augmentations of a contact, those taken back included."""
    with opened(store) as engine:
        applied = engine.desk.augmentation.applied(id_)
    answer_rows(
        applied,
        ("augmentation", "taken over"),
        lambda one: (
            one.augmentation_id,
            f"{one.source} {one.reference or ''}: "
            + ", ".join(f"{name}={value}" for name, value in one.values)
            + f" (by {one.actor}, {day(one.at)}"
            + (", taken back)" if one.is_reverted else ")"),
        ),
        none="Nothing was taken over.",
        json=json,
    )


def work(*, store: Store = None, dry_run: DryRun = False, json: Json = False) -> int:
    """Look up who arrived on channels that name a source. Exit 1 if a source failed."""
    with opened(store) as engine:
        done = engine.desk.arrivals.work(dry_run=dry_run)
    said = (
        f"{done.taken} taken over, {done.nothing_new} with nothing new, {done.several} with several "
        f"records to choose from, {done.no_match} without data, {done.failed} failed, "
        f"{done.waiting} waiting."
    )
    told = tasks_due(done.due, done.waiting) if dry_run else said
    answer(done, lambda _: show(told), json=json)
    return 1 if done.failed else 0


def waiting(
    *,
    store: Store = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List arrivals that are still to be looked up, and why their last try failed."""
    with opened(store) as engine:
        found = engine.desk.arrivals.waiting(limit)
    answer_rows(
        found,
        ("interaction", "source", "tries", "not before", "failed because"),
        lambda one: (
            one.interaction_id,
            one.source,
            one.attempts,
            timestamp(one.not_before),
            one.reason,
        ),
        none="Nobody waits to be looked up.",
        json=json,
    )


def _show_looked(looked: Looked, say: Sentences) -> None:
    if looked.reason is not None:
        show(say.say("augmentation.no_data"))
        return
    for one in looked.answers:
        _show_answer(one, say)


def _show_answer(given: Answer, say: Sentences) -> None:
    if given.failure is not None:
        show(say.say("augmentation.failed", source=given.source, reason=given.failure))
    elif not given.records:
        show(f"{given.source}: {say.say('augmentation.no_data')}")
    for record in given.records:
        show(f"{given.source} {record.reference}", "bold")
        show_table(
            ("field", "value", "taking it over would"),
            [(one.name, one.value, one.effect) for one in record.values],
            none="It says nothing.",
        )


augment = group(
    "augment",
    "Further values of a contact, from sources outside.",
    look,
    apply,
    revert,
    list_,
    work,
    waiting,
)
