"""Keyed digests: how the index finds equal values without holding any.

Identifiers and block keys use a key that may rotate, because a rebuild makes them again. The natural
key and the content digest of an interaction use a key that never rotates: they stand in the event.
"""

from base64 import b32encode
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from msgspec import Struct

DIGEST_BYTES = 16
KIND_BYTES = 4


class DigestKeys(Struct, frozen=True):
    """The secrets of the digests, 32 bytes each."""

    natural: bytes
    identifier: bytes
    block: bytes

    def natural_key(self, source: str, id_: str) -> bytes:
        """Return the digest of what names an interaction upstream."""
        return _digest(self.natural, "natural", source, id_)

    def change_key(self, source: str, id_: str) -> bytes:
        """Return the digest of what names a change of an interaction upstream."""
        return _digest(self.natural, "change", source, id_)

    def content(self, content: bytes) -> bytes:
        """Return the digest that tells a resend from a conflicting duplicate."""
        return _signed(self.natural, b"content\0" + content)

    def opaque(self, upstream_id: str | None) -> str | None:
        """Return an upstream correlation or causation id in opaque form, None where nothing was said."""
        return _digest(self.natural, "upstream", upstream_id).hex() if upstream_id else None

    def question(self, sent: str) -> str:
        """Return the digest of what a source outside was asked."""
        return _digest(self.natural, "question", sent).hex()

    def message(self, message_id: str) -> bytes:
        """Return the digest of a mail's message id: it leads to the cases of its thread, wherever they
        lie by now."""
        return _digest(self.natural, "thread", message_id)

    def message_in(self, division: str, message_id: str) -> bytes:
        """Return the digest by which a thread was noted before: one for each division."""
        return _digest(self.natural, "message", division, message_id)

    def case_code(self, number: int) -> str:
        """Return the code that proves that we wrote a case's number: 10 letters and digits, 50 bits."""
        return b32encode(_digest(self.natural, "case", str(number)))[:10].decode()

    def source_secret(self) -> bytes:
        """Return the secret of the fingerprints that tell one source from another."""
        return _digest(self.natural, "source")

    def identifier_key(self, division: str, family: str, scope: str | None, value: str) -> bytes:
        """Return the digest of an identifier: equal values of a division share one stream."""
        return _identifier_key(self.identifier, division, family, scope or "", value)

    def kind(self, type_: str) -> bytes:
        """Return the digest of an identifier type, 4 bytes: enough to tell a policy's types apart."""
        return _kind(self.identifier, type_)

    def block_secret(self, division: str) -> bytes:
        """Return the secret of a division's block keys: the keys of two divisions never meet."""
        return _block_secret(self.block, division)


@lru_cache(maxsize=20_000)
def _identifier_key(key: bytes, division: str, family: str, scope: str, value: str) -> bytes:
    return _digest(key, division, family, scope, value)


@lru_cache(maxsize=1_024)
def _kind(key: bytes, type_: str) -> bytes:
    return _digest(key, "type", type_)[:KIND_BYTES]


@lru_cache(maxsize=1_024)
def _block_secret(key: bytes, division: str) -> bytes:
    return _digest(key, "division", division)


def _digest(key: bytes, *parts: str) -> bytes:
    # No part can hold NUL: the envelope refuses control characters in all of them.
    return _signed(key, "\0".join(parts).encode())


def _signed(key: bytes, said: bytes) -> bytes:
    signing = _begun(key).copy()
    signing.update(said)
    return signing.finalize()[:DIGEST_BYTES]


@lru_cache(maxsize=64)
def _begun(key: bytes) -> HMAC:
    """Begin an HMAC-SHA256 with a key of the store: a copy of it takes half the time of a new one."""
    return HMAC(key, SHA256())
