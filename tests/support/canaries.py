"""Canaries: values that occur nowhere else, looked for in every form that storage might give them."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path


def forms(canary: str) -> dict[str, bytes]:
    """The byte strings that would betray a canary, by the name of the form."""
    plain = canary.encode()
    return {
        "raw": plain,
        "lower case": canary.lower().encode(),
        "upper case": canary.upper().encode(),
        "UTF-16, little end first": canary.encode("utf-16-le"),
        "UTF-16, big end first": canary.encode("utf-16-be"),
        "hexadecimal": plain.hex().encode(),
        "reversed": plain[::-1],
        **{f"base64 from offset {offset}": _base64(plain, offset) for offset in range(3)},
    }


def found_in(content: bytes, canaries: Mapping[str, str]) -> set[tuple[str, str]]:
    """The (name, form) of each canary that `content` betrays."""
    return {
        (name, form)
        for name, canary in canaries.items()
        for form, betrayed in forms(canary).items()
        if betrayed in content
    }


def found_on_disk(files: Iterable[Path], canaries: Mapping[str, str]) -> set[tuple[str, str, str]]:
    """The (file, name, form) of each canary that a file betrays."""
    return {
        (path.name, name, form)
        for path in files
        for name, form in found_in(path.read_bytes(), canaries)
    }


def _base64(plain: bytes, offset: int) -> bytes:
    """The middle of the base64 text of `plain` where it starts at `offset` of a group of three."""
    encoded = b64encode(b"\0" * offset + plain)
    return encoded[4 if offset else 0 : -4]
