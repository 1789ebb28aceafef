"""Cutting a stream of bytes into lines without ever holding more than one line's limit of it."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from identity_engine.ingestion.faults import Fault, fault
from identity_engine.ingestion.json_text import MAX_LINE

KEPT: Final = 64 * 1024  # bytes kept of a line that is too long


class DamagedStreamError(Exception):
    """The stream ends here though its content does not; `code` is the fault's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Line(Struct, frozen=True):
    """One line without its line ending.

    `number` counts from 1; `start` and `end` are byte positions in the uncompressed stream, `end`
    behind the line ending. With a `fault` the content is only what could be kept; `is_cut` tells that
    more had been there.
    """

    number: int
    start: int
    end: int
    content: bytes
    fault: Fault | None = None
    is_cut: bool = False


def split_lines(chunks: Iterable[bytes]) -> Iterator[list[Line]]:
    """Yield the lines of `chunks`, those that one chunk completes together.

    The last line may lack its ending. A line over `MAX_LINE` bytes is passed over to its end and
    reported with its first bytes. Damage of the stream is reported as a line of its own, with what
    stood unfinished before it, and counts at least one byte, so that positions always grow.
    """
    number, start, pending, length = 1, 0, b"", 0  # length: bytes of the pending line so far
    damage: str | None = None
    try:
        for chunk in chunks:
            *ended, rest = chunk.split(b"\n")
            lines = []
            for piece in ended:
                length += len(piece)
                lines.append(_line(number, start, length, pending + piece, ending=1))
                number, start, pending, length = number + 1, start + length + 1, b"", 0
            length += len(rest)
            pending = pending + rest if length <= MAX_LINE else (pending + rest)[:KEPT]
            yield lines
    except DamagedStreamError as stopped:
        damage = stopped.code
    if damage:
        end, is_cut = start + max(1, length), length > KEPT
        yield [Line(number, start, end, pending[:KEPT], fault(damage), is_cut)]
    elif length:
        yield [_line(number, start, length, pending, ending=0)]


def _line(number: int, start: int, length: int, content: bytes, *, ending: int) -> Line:
    end = start + length + ending
    if length > MAX_LINE:
        return Line(number, start, end, content[:KEPT], fault("line_too_long"), is_cut=True)
    return Line(number, start, end, content)
