"""Reading one JSON text strictly, and saying all that is wrong with one that cannot be read.

orjson reads the good ones. It keeps the last of two equal keys, makes a float of an integer that does
not fit 64 bits, and stops at the first fault, so `repeats_key` and `has_large_integer` find the former
at almost no cost and `explain` reads a refused text again, slowly.
"""

import json
import math
from typing import Final

from identity_engine.ingestion.faults import Fault, fault

MAX_LINE: Final = 1024 * 1024  # bytes
MAX_DEPTH: Final = 32  # levels of objects and arrays, the outermost is 1

_COLON: Final = ord(":")
_BACKSLASH: Final = ord("\\")
_BOM: Final = b"\xef\xbb\xbf"
_INTEGERS: Final = range(-(2**63), 2**64)  # what orjson keeps exactly
_LONG: Final = b"0" * 19  # the fewest digits of an integer beyond them
_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00{", b"{\x00", b"\x00\n")


def without_bom(line: bytes) -> bytes:
    """Return `line` without a leading UTF-8 byte order mark, which joined files have inside."""
    return line.removeprefix(_BOM)


def repeats_key(line: bytes, kept: bytes) -> bool:
    """Tell whether an object in `line` names a key twice.

    `kept` is all that was read from `line`, as compact JSON, in one piece or several joined. A
    colon stands behind each key or inside a string, so if none is escaped, as many colons in `line`
    as in `kept` mean that no key was dropped. Anything else is read once more to be sure.
    """
    has_escaped_colon = _BACKSLASH in line and b"\\u003" in line
    if not has_escaped_colon and line.count(_COLON) == kept.count(_COLON):
        return False
    return "duplicate_key" in _Lenient(line.decode()).codes


def has_large_integer(line: bytes) -> bool:
    """Tell whether `line` has an integer that does not fit 64 bits: read as a float it would be another.

    So many digits are rare; a line that has them, in a text or a fraction too, is read once more to be
    sure.
    """
    if _LONG not in line.translate(_AS_ZEROS):
        return False
    return "integer_too_large" in _Lenient(line.decode()).codes


def is_deeper(value: object, levels: int) -> bool:
    """Tell whether `value`, read from JSON, has more than `levels` (1 or more) levels."""
    level = [value]
    while level and levels:
        level = [inner for outer in level for inner in _members(outer)]
        levels -= 1
    return bool(level)


def explain(line: bytes) -> tuple[object, list[Fault]]:
    """Read a text as far as it goes, and list every fault in it; slow.

    Returns what could be read (None, with a fault, if nothing) and the faults of the JSON text.
    """
    if not line.strip():
        return None, [fault("empty_line")]
    if line.startswith(_UTF16):
        return None, [fault("wrong_encoding")]
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None, [fault("invalid_utf8")]
    try:
        read = _Lenient(text)
    except RecursionError:
        return None, [fault("too_deep")]
    except json.JSONDecodeError as refused:
        return None, [fault(_code_of(refused))]
    if is_deeper(read.document, MAX_DEPTH):
        return None, [fault("too_deep")]
    if _has_lone_surrogate(read.document):
        read.codes.append("lone_surrogate")
    return read.document, [fault(code) for code in read.codes]


class _Lenient:
    """A text read by the standard library, which takes more than JSON, with what it took."""

    def __init__(self, text: str) -> None:
        self.codes: list[str] = []
        try:
            self.document = self._read(text, strict=True)
        except json.JSONDecodeError as refused:
            if not refused.msg.startswith("Invalid control character"):
                raise
            self.codes = ["control_character"]
            self.document = self._read(text, strict=False)

    def _read(self, text: str, *, strict: bool) -> object:
        return json.loads(
            text,
            strict=strict,
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_float=self._float,
            parse_int=self._int,
        )

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        read = dict(pairs)
        if len(read) != len(pairs):
            self._note("duplicate_key")
        return read

    def _constant(self, _: str) -> float:
        self._note("not_a_number")
        return 0.0

    def _float(self, digits: str) -> float:
        number = float(digits)
        if math.isinf(number):
            self._note("number_too_large")
        return number

    def _int(self, digits: str) -> float:
        number = self._float(digits)
        if not math.isinf(number) and int(digits) not in _INTEGERS:
            self._note("integer_too_large")
        return number

    def _note(self, code: str) -> None:
        if code not in self.codes:
            self.codes.append(code)


def _code_of(refused: json.JSONDecodeError) -> str:
    if refused.msg == "Extra data":
        return "trailing_text"
    ends_early = refused.pos >= len(refused.doc.rstrip()) or refused.msg.startswith("Unterminated")
    return "truncated_json" if ends_early else "not_json"


def _has_lone_surrogate(document: object) -> bool:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _members(outer: object) -> list[object]:
    inner = outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
    return [member for member in inner if isinstance(member, dict | list)]
