"""States of contacts and identifiers as the match index keeps them: JSON, the fields of each in order.

Only this version of the engine reads them, because an index of another version is replaced. Whoever
gives a state another field raises `INDEX_VERSION`.
"""

from msgspec.json import Decoder, Encoder

from aggregates.contact import ContactState
from aggregates.identifier import IdentifierState

_encoder = Encoder()
_contact = Decoder(ContactState)
_identifier = Decoder(IdentifierState)


def pack_contact(state: ContactState) -> bytes:
    """Write the state of a contact."""
    return _encoder.encode(state)


def unpack_contact(packed: bytes) -> ContactState:
    """Read the state of a contact."""
    return _contact.decode(packed)


def pack_identifier(state: IdentifierState | None) -> bytes:
    """Write the state of an identifier."""
    if state is None:
        raise ValueError("an index row is written only after a first event")
    return _encoder.encode(state)


def unpack_identifier(packed: bytes) -> IdentifierState:
    """Read the state of an identifier."""
    return _identifier.decode(packed)
