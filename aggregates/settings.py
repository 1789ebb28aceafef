"""What an administrator decides: switches, retention, limits and connections.

Settings are content with a version, as the policy is: activating one is an event, so that what was
allowed or configured on any day can be read. No secret stands in them, only the name of the environment
variable that holds it.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aggregates.case_settings import Cases, OutgoingMail
from aggregates.fields import BUILT_IN, ContactField
from aggregates.values import Value

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]

Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,127}$")]
"""The name of an environment variable."""

Address = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", max_length=2_000)]
"""Where another system is: http or https, no credentials, no query."""


class Retention(Value):
    """How long things are kept.

    `expiry_days`: after the last meaningful interaction an ephemeral or identified contact expires.
    `restore_days`: so long an expired or deleted contact can be restored. `not_meaningful` lists
    channels whose interactions do not renew a contact, such as page views.
    """

    expiry_days: Annotated[int, Field(ge=1, le=36_500)] = 60
    restore_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    not_meaningful: tuple[str, ...] = ("page_view",)


class Merging(Value):
    """Limits of merges by hand: contacts in one merge, and in the set it makes, survivor counted."""

    at_once: Annotated[int, Field(ge=2, le=1_000)] = 25
    members: Annotated[int, Field(ge=2, le=10_000)] = 52


class AugmentationSource(Value):
    """Where further values of a contact come from.

    `http` is asked at `url` (docs/reference/augmentation.md), with the token that the environment
    variable `token_env` holds; `csv` reads the `*.csv` files of `folder`. Only identifiers of
    `identifier_types` are sent. `allow_private` lets the host be on a private network.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    kind: Literal["http", "csv"]
    url: Address | None = None
    folder: str | None = None
    identifier_types: Annotated[tuple[str, ...], Field(min_length=1)]
    token_env: Variable | None = None
    allow_private: bool = False

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        wanted, unwanted = ("url", "folder") if self.kind == "http" else ("folder", "url")
        if getattr(self, wanted) is None or getattr(self, unwanted) is not None:
            raise ValueError(f"a source of the kind {self.kind} needs {wanted}, and no {unwanted}")
        return self


class Augmentation(Value):
    """Off until a source is named."""

    sources: tuple[AugmentationSource, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("two sources have the same name")
        return self


RecordType = Literal["contact", "account", "lead", "case", "opportunity"]
"""Types of records of a CRM, in our words."""

ActivityValue = Literal[
    "interaction_id",
    "source",
    "id",
    "channel",
    "direction",
    "started_at",
    "ended_at",
    "agent",
    "contact_name",
    "canonical_id",
]
"""What an activity in the CRM can say about an interaction."""


class Crm(Value):
    """The CRM that is connected.

    `client_id_env` and `client_secret_env` name the variables with the credentials of Salesforce and
    Dynamics, `login_url` is the token endpoint of Dynamics, `token_env` names the variable with the
    token of a plain REST gateway. `key_field` is the field that keeps our key there. `fields` says
    what is sent under which name, `fixed` what every activity has besides; None takes the defaults of
    the kind (docs/reference/crm.md). `may_create` lists the types that may be made by hand.
    `call_channels` are those that are wrapped up after their end, which is waited for
    `wrap_up_minutes`. `corrections_at_once` sends corrections without anybody's approval.
    """

    kind: Literal["salesforce", "dynamics", "rest"]
    url: Address
    login_url: Address | None = None
    client_id_env: Variable | None = None
    client_secret_env: Variable | None = None
    token_env: Variable | None = None
    key_field: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")] | None = None
    allow_private: bool = False
    fields: dict[ActivityValue, str] | None = None
    fixed: dict[str, str] | None = None
    may_create: tuple[RecordType, ...] = ()
    household: bool = False
    call_channels: tuple[str, ...] = ("voice",)
    wrap_up_minutes: Annotated[int, Field(ge=1, le=10_080)] = 30
    corrections_at_once: bool = False

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        needed = {
            "salesforce": ("client_id_env", "client_secret_env"),
            "dynamics": ("client_id_env", "client_secret_env", "login_url"),
            "rest": (),
        }[self.kind]
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            raise ValueError(f"a CRM of the kind {self.kind} needs {', '.join(missing)}")
        return self


class Conversations(Value):
    """How interactions are shown. `card`: opening an interaction shows the card of its contact.
    `session_gap_minutes`: a pause of this length ends a session of a device."""

    card: bool = False
    session_gap_minutes: Annotated[int, Field(ge=1, le=1_440)] = 30


class Settings(Value):
    """The settings in force; every section has defaults, so a content names only what differs.

    `fields` are those that a contact has besides the usual ones.
    """

    format: Literal[1]
    name: str
    retention: Retention = Retention()
    merging: Merging = Merging()
    fields: dict[FieldName, ContactField] = Field(default_factory=dict)
    augmentation: Augmentation = Augmentation()
    crm: Crm | None = None
    cases: Cases = Cases()
    outgoing_mail: OutgoingMail = OutgoingMail()
    conversations: Conversations = Conversations()

    @model_validator(mode="after")
    def _fields_are_new(self) -> Self:
        if taken := sorted(self.fields.keys() & BUILT_IN.keys()):
            raise ValueError(f"every contact has these fields already: {', '.join(taken)}")
        return self

    @property
    def contact_fields(self) -> dict[str, ContactField]:
        """Every field that a person may fill."""
        return {**BUILT_IN, **self.fields}
