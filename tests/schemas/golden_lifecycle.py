"""One example of each fact about how long contacts stay."""

from datetime import UTC, datetime

from aggregates.across import (
    ContactAcrossEnded,
    ContactAcrossFound,
    ContactAcrossLifted,
    ContactAcrossLinked,
    ContactAcrossUnlinked,
)
from aggregates.division import ContactMoved, DivisionPersonal
from aggregates.lifecycle import (
    ContactDeleted,
    ContactExpired,
    ContactHoldLifted,
    ContactHoldSet,
    ContactRestored,
    LifecyclePersonal,
)
from aggregates.release import IdentifierReclaimed
from aggregates.values import Evidence

CONTACT = "019b1c3e-7c5a-7000-8000-000000000003"
MOMENT = datetime(2026, 2, 1, 9, 30, 0, 250_000, tzinfo=UTC)
LIFECYCLE = (
    ContactExpired(last=MOMENT, days=60),
    ContactDeleted(personal=LifecyclePersonal(reason="Sie hat darum gebeten.")),
    ContactRestored(was="deleted", personal=LifecyclePersonal(reason="Ein Versehen.")),
    ContactHoldSet(personal=LifecyclePersonal(reason="Verfahren 4 O 12/26")),
    ContactHoldLifted(personal=LifecyclePersonal(reason="Vergleich")),
    ContactMoved(
        division="north", division_before="south", personal=DivisionPersonal(reason="Umzug")
    ),
    ContactAcrossLinked(other=CONTACT, personal=DivisionPersonal(reason="Derselbe Mensch")),
    ContactAcrossUnlinked(other=CONTACT, personal=DivisionPersonal(reason="Doch nicht")),
    ContactAcrossLifted(other=CONTACT, personal=DivisionPersonal(reason="Wer weiß")),
    ContactAcrossFound(
        other=CONTACT,
        evidence=Evidence(rule="score", model="m" * 64, policy="p" * 64, weight=12_345),
    ),
    ContactAcrossEnded(other=CONTACT),
    IdentifierReclaimed(contact_id=CONTACT, ended=MOMENT),
)
