"""The places from which a case is opened by hand, and whose case it becomes there."""

from msgspec import Struct

from aggregates.access import Action
from aggregates.errors import Refused
from aggregates.interaction import InteractionReceived
from aggregates.values import ContactId, InteractionId
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.cases.entry import Origin
from identity_engine.application.cases.file import CaseFile
from identity_engine.application.command import Command
from identity_engine.application.ids import checked_id, checked_interaction
from identity_engine.errors import NotFound, UsageError
from matchers.normalise import InvalidIdentifier, normalise_identifier
from projections.match_index.cases import CaseRow

MAIL_CHANNEL = "email"


class CaseOrigin(Struct, frozen=True):
    """Whose case it becomes: that of an interaction's contact, of a contact, or of another case's.

    `addresses` are where a first mail goes to.
    """

    division: str
    interaction_id: InteractionId | None = None
    contact_id: ContactId | None = None
    case: CaseRow | None = None
    addresses: tuple[str, ...] = ()


def find_origin(command: Command, origin: Origin, context: ActorContext) -> CaseOrigin:
    """Return whose case it becomes that is opened here.

    Raises:
        UsageError, NotFound, Denied: what the place names is no id, is absent, or is out of bounds.
        Refused: `mail_opens_its_own`, `not_in_queue`, `several_holders`, or the contact is gone.
    """
    match origin.place:
        case "interaction":
            return _interaction(command, origin, context)
        case "contact":
            row = command.contact(checked_id(origin.of))
            return CaseOrigin(row.state.division, contact_id=row.contact_id)
        case "address":
            return _address(command, origin, context)
        case _:
            return _case(command, origin, context.actor)


def _interaction(command: Command, origin: Origin, context: ActorContext) -> CaseOrigin:
    interaction_id = checked_interaction(origin.of)
    row = command.interaction(interaction_id)
    received = command.stream(interaction_id)[0].fact
    assert isinstance(received, InteractionReceived)
    if received.channel in {MAIL_CHANNEL, *context.rules.settings.cases.channels}:
        raise Refused(
            "mail_opens_its_own", "Mail opens its case itself. Work on that one, or link the mail."
        )
    return CaseOrigin(row.division, interaction_id=interaction_id)


def _case(command: Command, origin: Origin, actor: str) -> CaseOrigin:
    row = command.case(origin.of)
    state = CaseFile(command, row.case_id).state
    lies_there = {
        "personal_queue": state.agent == actor,
        "team_queue": state.queue is not None,
        "pinned": actor in state.pinned_by,
    }
    if not lies_there.get(origin.place, True):
        raise Refused("not_in_queue", "This case does not lie there.")
    return CaseOrigin(row.division, case=row)


def _address(command: Command, origin: Origin, context: ActorContext) -> CaseOrigin:
    division = origin.division or context.rules.policy.default_division
    absent = "No contact has this address."
    if not context.sees(Action.CASE_EDIT, division):
        raise NotFound(absent)
    context.allows(Action.CASE_EDIT, division)
    try:
        value = normalise_identifier("email", origin.of, None)
    except InvalidIdentifier:
        raise UsageError("This is no mail address.") from None
    digest = context.store.digests.identifier_key(division, value.family, None, value.value)
    command.reader.load_identifiers([digest])
    known = command.index.identifiers.get(digest)
    holdings = known.state.holdings if known is not None and known.state is not None else ()
    holders = list(dict.fromkeys(one.contact_id for one in holdings if one.valid_to is None))
    if not holders:
        raise NotFound(absent)
    rows = [row for row in command.contacts(holders) if row.state.presence == "live"]
    if not rows:
        raise NotFound(absent)
    if len({row.canonical for row in rows}) > 1:
        raise Refused(
            "several_holders", "Several contacts have this address. Open the case from one of them."
        )
    return CaseOrigin(division, contact_id=rows[0].contact_id, addresses=(value.value,))
