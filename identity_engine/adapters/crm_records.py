"""A record as a CRM tells it: only what people can see, and verbs can name, is taken."""

from typing import Any

from identity_engine.errors import RemoteError
from identity_engine.ports.crm import RECORD_ID, CrmRecord

MOST_LABEL = 255
MOST_ADDRESS = 2_000


def record_from(system: str, type_: str, id_: Any, label: Any, address: Any) -> CrmRecord:
    """Return a record.

    A label that says nothing is the id, an address that no browser opens is empty.

    Raises:
        RemoteError: `unreadable`, the id is none that can be given to a verb.
    """
    known = str(id_) if isinstance(id_, str | int) and not isinstance(id_, bool) else ""
    if not RECORD_ID.fullmatch(known):
        raise RemoteError(system, "unreadable")
    shown = _visible(label)[:MOST_LABEL].strip()
    opens = _visible(address) == address and str(address).startswith(("https://", "http://"))
    return CrmRecord(
        type_, known, shown or known, address if opens and len(address) <= MOST_ADDRESS else ""
    )


def _visible(text: Any) -> str:
    return "".join(filter(str.isprintable, text)) if isinstance(text, str) else ""
