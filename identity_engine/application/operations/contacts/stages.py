"""The stage that the links of a contact give it, after a person has taken something back (GX-0)."""

from aggregates import contact
from aggregates.contact import ContactIdentified, Identify, UndoIdentification
from aggregates.identity import BY_LINK, RAISING
from aggregates.interaction import InteractionLinked
from aggregates.values import ContactId, InteractionId, Stage
from identity_engine.application.command import Command


def settle_stage(command: Command, contact_id: ContactId) -> None:
    """Let a contact, which is curated no longer, rise or fall as it would have without that.

    While it was curated it could neither be identified nor lose that stage. What its interactions show
    by themselves is looked at by re-evaluation.
    """
    command.index.evaluate_again(command.reader.load_all_of([contact_id]))
    state = command.index.contacts[contact_id].state
    if state.stage is Stage.EPHEMERAL:
        raising = first_raising(command, contact_id)
        if raising is not None:
            interaction_id, link = raising
            evidence = link.evidence
            wanted = Identify(
                "confirmed" if evidence.rule == "person" else "second_interaction",
                interaction_id,
                evidence.identifiers[0] if evidence.identifiers else None,
            )
            command.write(contact_id, *contact.decide(state, wanted))
    else:
        fall(command, contact_id)


def fall(command: Command, contact_id: ContactId, taken: InteractionId | None = None) -> None:
    """Let a contact fall again if a link identified it that is gone, and nothing else holds it up.

    Args:
        command: under way.
        contact_id: the member contact; loaded.
        taken: an interaction that is to count no more; the one that raised the contact if None.
    """
    state = command.index.contacts[contact_id].state
    if state.stage is not Stage.IDENTIFIED or state.exclusive:
        return
    raised = [one for one in command.facts(contact_id) if isinstance(one, ContactIdentified)]
    if not raised or raised[-1].by not in BY_LINK:
        return
    by = taken or raised[-1].interaction_id
    if by is not None and first_raising(command, contact_id, but=taken) is None:
        command.write(contact_id, *contact.decide(state, UndoIdentification(by)))


def first_raising(
    command: Command, contact_id: ContactId, but: InteractionId | None = None
) -> tuple[InteractionId, InteractionLinked] | None:
    """Return the earliest interaction, other than `but`, of which the link would have raised a contact,
    with that link."""
    command.reader.load_all_of([contact_id])
    rows = command.index.interactions_of(contact_id)
    others = [row for row in rows if row.interaction_id != but and not row.is_by_hand]
    for row in sorted(others, key=lambda one: (one.time, one.name)):
        told = command.facts(row.interaction_id)
        links = [fact for fact in told if isinstance(fact, InteractionLinked)]
        if links[-1].evidence.rule in RAISING:
            return row.interaction_id, links[-1]
    return None
