"""The stage that the links of a contact give it, after a person has taken something back (GX-0)."""

from aggregates import contact
from aggregates.contact import ContactIdentified, Identify, UndoIdentification
from aggregates.identity import BY_LINK, RAISING
from aggregates.interaction import InteractionLinked
from aggregates.values import ContactId, InteractionId, Stage
from identity_engine.application.command import Command
from identity_engine.application.resolution.meaning import Meaning
from projections.match_index.rows import InteractionRow


def settle_stage(command: Command, contact_id: ContactId) -> None:
    """Let a contact, which is curated no longer, rise or fall as it would have without that.

    While it was curated it could neither be identified nor lose that stage.
    """
    command.index.evaluate_again(command.reader.load_all_of([contact_id]))
    state = command.index.contacts[contact_id].state
    if state.stage is Stage.EPHEMERAL:
        wanted = _by_link(command, contact_id) or _by_itself(command, contact_id)
        if wanted is not None:
            command.write(contact_id, *contact.decide(state, wanted))
    else:
        fall(command, contact_id)


def fall(command: Command, contact_id: ContactId, taken: InteractionId | None = None) -> None:
    """Let a contact fall again if an interaction identified it that is gone, and nothing else holds it
    up.

    Args:
        command: under way.
        contact_id: the member contact; loaded.
        taken: an interaction that is to count no more; the one that raised the contact if None.
    """
    state = command.index.contacts[contact_id].state
    if state.stage is not Stage.IDENTIFIED or state.exclusive:
        return
    facts = [one for one in command.facts(contact_id) if isinstance(one, ContactIdentified)]
    raised = facts[-1] if facts else None
    if raised is None or (raised.by not in BY_LINK and raised.interaction_id != taken):
        return
    by = taken or raised.interaction_id
    if by is not None and not (
        _by_link(command, contact_id, but=taken) or _by_itself(command, contact_id, but=taken)
    ):
        command.write(contact_id, *contact.decide(state, UndoIdentification(by)))


def _by_link(
    command: Command, contact_id: ContactId, but: InteractionId | None = None
) -> Identify | None:
    """Return how the earliest interaction, other than `but`, would identify a contact of which the link
    does."""
    for row in _interactions(command, contact_id, but):
        told = command.facts(row.interaction_id)
        evidence = [fact for fact in told if isinstance(fact, InteractionLinked)][-1].evidence
        if evidence.rule in RAISING:
            return Identify(
                "confirmed" if evidence.rule == "person" else "second_interaction",
                row.interaction_id,
                evidence.identifiers[0] if evidence.identifiers else None,
            )
    return None


def _by_itself(
    command: Command, contact_id: ContactId, but: InteractionId | None = None
) -> Identify | None:
    """Return the same of the earliest that shows a lasting person by itself."""
    meaning = Meaning(command.reader.digests, command.rules.policy)
    for row in _interactions(command, contact_id, but):
        for by, digest in meaning.lasting_values(row):
            command.reader.load_identifiers([digest])
            value = command.index.identifiers.get(digest)
            return Identify(by, row.interaction_id, None if value is None else value.identifier_id)
    return None


def _interactions(
    command: Command, contact_id: ContactId, but: InteractionId | None
) -> list[InteractionRow]:
    command.reader.load_all_of([contact_id])
    rows = command.index.interactions_of(contact_id)
    others = [row for row in rows if row.interaction_id != but and not row.is_by_hand]
    return sorted(others, key=lambda one: (one.time, one.name))
