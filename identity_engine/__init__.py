"""identity-engine: event-sourced identity resolution. Users import this package alone.

from identity_engine import Engine

with Engine.open("sqlite:///store") as engine:
    engine.ingest_file("interactions.jsonl.gz")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from identity_engine.version import __version__

if TYPE_CHECKING:
    from aggregates.policy import Policy as Policy
    from identity_engine.application.cases.entry import Entry as Entry
    from identity_engine.application.cases.entry import MailDraft as MailDraft
    from identity_engine.application.cases.entry import Origin as Origin
    from identity_engine.application.engine import Engine as Engine
    from identity_engine.application.explanation.explain import Explanation as Explanation
    from identity_engine.application.explanation.how import Step as Step
    from identity_engine.application.explanation.why_not import WhyNot as WhyNot
    from identity_engine.application.intake.preparing import IngestSummary as IngestSummary
    from identity_engine.application.operations.augmentation.applying import Choice as Choice
    from identity_engine.application.operations.contacts.editing import (
        NewIdentifier as NewIdentifier,
    )
    from identity_engine.application.operations.enrichment.record import Enrichment as Enrichment
    from identity_engine.application.operations.values.claiming import Value as Value
    from identity_engine.application.partition_key import partition_key as partition_key
    from identity_engine.application.resolution.outcome import Outcome as Outcome
    from identity_engine.errors import AlreadyDone as AlreadyDone
    from identity_engine.errors import ConfigurationError as ConfigurationError
    from identity_engine.errors import Conflict as Conflict
    from identity_engine.errors import ConnectionLost as ConnectionLost
    from identity_engine.errors import Damaged as Damaged
    from identity_engine.errors import Denied as Denied
    from identity_engine.errors import EventTooLarge as EventTooLarge
    from identity_engine.errors import Fenced as Fenced
    from identity_engine.errors import IdentityEngineError as IdentityEngineError
    from identity_engine.errors import InvalidContent as InvalidContent
    from identity_engine.errors import KeyNeverMade as KeyNeverMade
    from identity_engine.errors import NotFound as NotFound
    from identity_engine.errors import NothingDealt as NothingDealt
    from identity_engine.errors import NotYet as NotYet
    from identity_engine.errors import Refused as Refused
    from identity_engine.errors import RemoteError as RemoteError
    from identity_engine.errors import RightMissing as RightMissing
    from identity_engine.errors import RuleViolation as RuleViolation
    from identity_engine.errors import SettingsError as SettingsError
    from identity_engine.errors import SourceError as SourceError
    from identity_engine.errors import Stale as Stale
    from identity_engine.errors import StoreAway as StoreAway
    from identity_engine.errors import StoreBusy as StoreBusy
    from identity_engine.errors import StoreError as StoreError
    from identity_engine.errors import StoreFull as StoreFull
    from identity_engine.errors import UnknownTopic as UnknownTopic
    from identity_engine.errors import Unreadable as Unreadable
    from identity_engine.errors import UnusableModel as UnusableModel
    from identity_engine.errors import UsageError as UsageError
    from identity_engine.errors import ViewsDamaged as ViewsDamaged
    from identity_engine.ingestion.faults import Fault as Fault
    from identity_engine.ingestion.faults import Rejected as Rejected
    from identity_engine.monitoring.monitor import monitored as monitored
    from identity_engine.settings.kafka import KafkaSettings as KafkaSettings
    from identity_engine.settings.kafka import Subscription as Subscription
    from identity_engine.settings.publication import Publication as Publication
    from projections.history import HistoryEntry as HistoryEntry
    from projections.profile.query import Profile as Profile

# Names are looked up when first used, so that `identity-engine --version` imports no database code.
_ERRORS = (
    "AlreadyDone",
    "Conflict",
    "ConfigurationError",
    "ConnectionLost",
    "Damaged",
    "Denied",
    "EventTooLarge",
    "Fenced",
    "IdentityEngineError",
    "InvalidContent",
    "KeyNeverMade",
    "NotFound",
    "NothingDealt",
    "NotYet",
    "Refused",
    "RemoteError",
    "RightMissing",
    "RuleViolation",
    "SettingsError",
    "SourceError",
    "Stale",
    "StoreAway",
    "StoreBusy",
    "StoreError",
    "StoreFull",
    "UnknownTopic",
    "Unreadable",
    "UnusableModel",
    "UsageError",
    "ViewsDamaged",
)
_EXPORTS = {
    "Choice": "identity_engine.application.operations.augmentation.applying",
    "Engine": "identity_engine.application.engine",
    "Enrichment": "identity_engine.application.operations.enrichment.record",
    "Entry": "identity_engine.application.cases.entry",
    "Explanation": "identity_engine.application.explanation.explain",
    "Fault": "identity_engine.ingestion.faults",
    "HistoryEntry": "projections.history",
    "IngestSummary": "identity_engine.application.intake.preparing",
    "KafkaSettings": "identity_engine.settings.kafka",
    "MailDraft": "identity_engine.application.cases.entry",
    "monitored": "identity_engine.monitoring.monitor",
    "NewIdentifier": "identity_engine.application.operations.contacts.editing",
    "Origin": "identity_engine.application.cases.entry",
    "Outcome": "identity_engine.application.resolution.outcome",
    "partition_key": "identity_engine.application.partition_key",
    "Policy": "aggregates.policy",
    "Profile": "projections.profile.query",
    "Publication": "identity_engine.settings.publication",
    "Rejected": "identity_engine.ingestion.faults",
    "Step": "identity_engine.application.explanation.how",
    "Subscription": "identity_engine.settings.kafka",
    "Value": "identity_engine.application.operations.values.claiming",
    "WhyNot": "identity_engine.application.explanation.why_not",
    **dict.fromkeys(_ERRORS, "identity_engine.errors"),
}
__all__ = [*_EXPORTS, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'identity_engine' has no attribute {name!r}")
    _refuse_foreign_packages()
    return getattr(import_module(_EXPORTS[name]), name)


def _refuse_foreign_packages() -> None:
    """Make sure that the three packages beside this one are ours and not another distribution's."""
    own = {"aggregates": "catalogue", "matchers": "decision", "projections": "runner"}
    for package, module in own.items():
        try:
            import_module(f"{package}.{module}")
        except ModuleNotFoundError as error:
            if error.name not in (package, f"{package}.{module}"):
                raise
            raise ImportError(
                f"Another package named '{package}' stands in the way of identity-engine's own. "
                "Remove it from the import path, or install identity-engine in an environment of "
                "its own."
            ) from error
