"""The golden facts as events of a log, and the words in them that are somebody's."""

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import asdict, replace

from aggregates.values import Erased, Header
from projections.base import Recorded
from tests.schemas.golden_facts import GOLDEN

MOMENT = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
STREAM = "019b1c3e-7c5a-7000-8000-0000000000aa"
EVENT = "019b1c3e-7c5a-7000-8000-0000000000ee"
CORRELATION = "019b1c3e-7c5a-7000-8000-0000000000c0"
CAUSE = "019b1c3e-7c5a-7000-8000-0000000000ca"

FACTS = [golden.fact for golden in GOLDEN]


def recorded(fact, position=7, stream=STREAM):
    """A fact as it stands in the log."""
    header = Header(EVENT, MOMENT, "agent-7", CORRELATION, CORRELATION, CAUSE)
    return Recorded(position, stream, 1, MOMENT, header, fact)


def example(kind):
    """The golden example of a kind of fact."""
    return next(fact for fact in FACTS if type(fact) is kind)


def erased(fact):
    """The fact once its subject is erased."""
    return replace(fact, personal=Erased.ERASED)


def words(value):
    """Every text in a personal value, but the names of fields."""
    if isinstance(value, Struct):
        value = {
            name: one for name, one in asdict(value).items() if name not in {"normaliser", "family"}
        }
    if isinstance(value, dict):
        return {word for one in value.values() for word in words(one)}
    if isinstance(value, list | tuple):
        return {word for one in value for word in words(one)}
    return {value} if isinstance(value, str) and len(value) > 3 else set()
