"""What an activity in the CRM says about an interaction, as of the moment of writing."""

from collections.abc import Mapping, Sequence

from aggregates.crm_conversation import Conversation
from aggregates.interaction import InteractionPersonal, InteractionReceived
from aggregates.settings import ActivityValue
from aggregates.settings import Crm as CrmSettings
from aggregates.values import instant_text
from projections.base import Recorded
from projections.profile.query import Profile

SENT: tuple[ActivityValue, ...] = (
    "interaction_id",
    "channel",
    "started_at",
    "ended_at",
    "agent",
    "contact_name",
    "canonical_id",
)
"""What is sent unless the settings say something else."""

FIXED: Mapping[str, Mapping[str, str]] = {
    "salesforce": {"Subject": "Interaction", "Status": "Completed"},
    "dynamics": {"subject": "Interaction"},
    "rest": {},
}


def default_fields(kind: str) -> dict[ActivityValue, str]:
    """Return the field map of a kind of CRM: what is sent, and the CRM's name for it."""
    names: dict[str, dict[ActivityValue, str]] = {
        "salesforce": {name: f"Ie_{name.title()}__c" for name in SENT},
        "dynamics": {name: f"ie_{name}" for name in SENT},
        "rest": {name: name for name in SENT},
    }
    return names[kind]


def activity_fields(
    settings: CrmSettings,
    stream: Sequence[Recorded],
    conversation: Conversation,
    profile: Profile | None,
) -> dict[str, str]:
    """Return the fields of an activity, by the CRM's names; what is not known is left out.

    Args:
        settings: the field map.
        stream: the events of the interaction.
        conversation: how far it is.
        profile: of its contact, None while it has none.
    """
    known = _known(stream, conversation, profile)
    fields = settings.fields if settings.fields is not None else default_fields(settings.kind)
    fixed = settings.fixed if settings.fixed is not None else FIXED[settings.kind]
    said = {theirs: known[ours] for ours, theirs in fields.items() if known.get(ours)}
    return {**fixed, **said}


def name_of(profile: Profile) -> str:
    """Return what a contact is called, empty where nobody said."""
    winning = {name: values[0].value for name, values in profile.fields.items() if values}
    parts = [winning[name] for name in ("given_name", "family_name") if name in winning]
    return winning.get("full_name") or " ".join(parts)


def _known(
    stream: Sequence[Recorded], conversation: Conversation, profile: Profile | None
) -> dict[ActivityValue, str]:
    first = stream[0]
    received = first.fact
    assert isinstance(received, InteractionReceived)
    personal = received.personal
    named = personal if isinstance(personal, InteractionPersonal) else None
    ended_at = conversation.ended_at
    return {
        "interaction_id": first.stream_id,
        "source": named.source if named else "",
        "id": named.id if named else "",
        "channel": received.channel,
        "direction": received.direction,
        "started_at": instant_text(first.header.valid_from),
        "ended_at": instant_text(ended_at) if ended_at else "",
        "agent": conversation.agent or "",
        "contact_name": name_of(profile) if profile else "",
        "canonical_id": profile.contact_id if profile else "",
    }
