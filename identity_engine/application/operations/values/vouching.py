"""Claims after a command has moved a link: what an interaction shows holds where it belongs now."""

from collections.abc import Iterable, Sequence

from aggregates.values import ContactId
from identity_engine.application.command import Command
from identity_engine.application.resolution.vouching import Vouching
from identity_engine.event_store.match_index.conversation_tables import load_heard
from projections.match_index.rows import InteractionRow


def load_values(
    command: Command, row: InteractionRow, also: Iterable[bytes] = ()
) -> Sequence[bytes]:
    """Load the identifiers that an interaction gave, those that its contact came to hold by its messages
    and `also` these, and return their digests."""
    heard = load_heard(command.cursor, [row.interaction_id]).get(row.interaction_id, [])
    digests = tuple(dict.fromkeys((*(mention.digest for mention in row.mentions), *heard, *also)))
    fresh = [one for one in digests if one not in command.index.identifiers]
    command.reader.load_identifiers(fresh)
    return digests


def settle_claims(command: Command, row: InteractionRow, *contact_ids: ContactId) -> None:
    """Let the claims of contacts that lost or got an interaction be verified as it is so now."""
    digests = load_values(command, row)
    command.load(contact_ids)
    command.reader.load_all_of(contact_ids)
    vouching = Vouching(command.reader, command.rules.policy)
    claims = ((one, digest) for one in contact_ids for digest in digests)
    for identifier, fact in vouching.settle(claims):
        command.write(identifier.identifier_id, fact)
