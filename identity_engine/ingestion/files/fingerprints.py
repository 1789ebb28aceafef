"""Telling by its content whether a stream was read before, and how far.

A position alone would not do: another file may begin alike and go on with other lines. So each
position is kept under a name that tells how the stream begins and all that was read of it:
"BYTES-DIGEST:BYTES-DIGEST". The beginning finds the few names worth comparing without reading more;
the rest is compared by reading again. That costs a digest of what is passed over, which is little
beside unpacking it and cutting it into lines, as every run does. A digest of the last bytes before
the position alone would take one export for another that differs in the middle.

Digests are keyed, so that what is stored tells nobody what the stream holds.
"""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from identity_engine.ingestion.files.content import Content
from identity_engine.ingestion.files.lines import DamagedStreamError


class Passed:
    """The bytes of a stream that went by so far, as a digest."""

    def __init__(self, secret: bytes) -> None:
        self._digest = hmac.new(secret, digestmod="sha256")
        self._length = 0

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks, each counted before it is handed on."""
        for chunk in chunks:
            self._digest.update(chunk)
            self._length += len(chunk)
            yield chunk

    def fingerprint(self) -> str:
        """Return the length in bytes and the digest, "BYTES-DIGEST"."""
        return f"{self._length}-{self._digest.hexdigest()}"


class _Candidate(Struct, frozen=True):
    """A stored name whose stream begins like this one; `passed` is what was read under it."""

    name: str
    length: int
    passed: str


def fingerprint_of(secret: bytes, head: bytes, meaning: bytes) -> str:
    """Name what begins with `head` and is read in the sense of `meaning`."""
    digest = hmac.digest(secret, head + b"\x00" + meaning, "sha256").hex()
    return f"{len(head)}-{digest}"


def read_before(
    content: Content,
    known: Mapping[str, int],
    secret: bytes,
    beginning: Callable[[bytes], str],
) -> str | None:
    """Return the name in `known` under which most of `content` was read before; None if none was.

    Args:
        content: not live; it stands at its start, also afterwards.
        known: positions by name, also those of other kinds of sources.
        secret: keys the digests.
        beginning: names a stream by its first bytes.
    """
    alike = sorted(_alike(content.head, known, beginning), key=lambda one: one.length)
    if not alike:
        return None
    found = None
    passed = Passed(secret)
    for _ in passed.over(_cut(content, {one.length for one in alike})):
        there = passed.fingerprint()
        found = next((one.name for one in alike if one.passed == there), found)
    content.rewind()
    return found


def _alike(
    head: bytes, known: Mapping[str, int], beginning: Callable[[bytes], str]
) -> Iterator[_Candidate]:
    begins: dict[int, str] = {}
    for name, position in known.items():
        begun, _, passed = name.partition(":")
        covered = _length(begun)
        length = _length(passed)
        # A damaged end counts one byte more than there is.
        if covered is None or length is None or covered > len(head) or position > length + 1:
            continue
        if covered not in begins:
            begins[covered] = beginning(head[:covered])
        if begins[covered] == begun:
            yield _Candidate(name, length, passed)


def _length(fingerprint: str) -> int | None:
    # Followers of the log keep their positions beside those of files, under names of their own.
    length = fingerprint.partition("-")[0]
    return int(length) if length.isdecimal() else None


def _cut(content: Content, lengths: set[int]) -> Iterator[bytes]:
    """Yield the content up to the greatest of `lengths`, with a cut at each of them."""
    read = 0
    try:
        for chunk in content.chunks():
            cuts = sorted(length for length in lengths if read < length <= read + len(chunk))
            at = 0
            for cut in cuts:
                yield chunk[at : cut - read]
                at = cut - read
            if not any(length > read + len(chunk) for length in lengths):
                return
            yield chunk[at:]
            read += len(chunk)
    except DamagedStreamError:
        return
