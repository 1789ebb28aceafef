"""The matching model: the probabilities that turn agreement into weight, as one JSON file.

The same file serves live linking and batch work, and a stored decision names the version it was
made under. It holds parameters only: rarity of a text is kept under a salted hash, never the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b, sha256
from typing import Annotated, Literal, Self

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from matchers.comparison import LEVELS

Probability = Annotated[float, Field(ge=1e-30, lt=1)]
"""No smaller, so that the ratio of any two is a number, and so is its logarithm."""

Bits = Annotated[float, Field(ge=-1e6, le=1e6)]
"""Beyond any weight, so that a threshold may say never, and in whole millibits a number that fits."""


class InvalidModel(ValueError):  # noqa: N818 - an outcome with reasons, not a fault
    """The bytes are no model; `faults` lists every reason, each with its place in the file."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("the model cannot be used: " + "; ".join(faults))
        self.faults = faults


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, defer_build=True, allow_inf_nan=False
    )


class Level(_Part):
    """One level of a comparison.

    `m` is its probability among pairs of one person, `u` among pairs of two people, `shared`
    among two people who share an identifier (a household phone, an office address, a recycled
    number); without `shared` they are taken for strangers and `u` holds.
    """

    name: str
    m: Probability
    u: Probability
    shared: Probability | None = None


class ComparisonModel(_Part):
    """A comparison with its levels, in the order in which they are tried.

    `scale` is the share of its evidence that counts: less than 1 where it repeats what another
    comparison already says. `term_frequency` names the table of rarities for its exact levels.
    """

    name: str = Field(min_length=1)
    kind: Literal[
        "name",
        "birth_date",
        "postcode",
        "email",
        "phone",
        "address",
        "organisation",
        "national_id",
        "text",
        "code",
    ]
    field: str = Field(default="", validate_default=True)
    scale: float = Field(default=1.0, gt=0, le=1)
    term_frequency: str | None = None
    levels: tuple[Level, ...]

    @field_validator("field")
    @classmethod
    def _field_is_named(cls, field: str, others: ValidationInfo) -> str:
        if others.data.get("kind") in ("text", "code") and not field:
            raise ValueError(f"{others.data.get('name', 'the comparison')} needs a field")
        return field

    @field_validator("levels")
    @classmethod
    def _levels_are_those_of_the_kind(
        cls, levels: tuple[Level, ...], others: ValidationInfo
    ) -> tuple[Level, ...]:
        expected = LEVELS.get(others.data.get("kind", ""))
        if expected is not None and tuple(level.name for level in levels) != expected:
            name = others.data.get("name", "the comparison")
            raise ValueError(f"levels of {name} must be {', '.join(expected)}, in this order")
        return levels


class TermFrequencies(_Part):
    """How common the words of one kind are: relative frequency of each word seen 5 times or more.

    Words are salted hashes (`hash_term`). `expected` is the frequency of the word on which two
    strangers agree on average, `unseen` the frequency assumed for a word that is not listed.
    """

    salt: str = Field(pattern=r"^(?:[0-9a-f]{2}){8,32}$")
    expected: Probability
    unseen: Probability
    frequencies: dict[str, Probability]


class Thresholds(_Part):
    """Weights in bits: link from `attach`, ask a person from `review`, fuse from `merge`."""

    attach: Bits
    review: Bits
    merge: Bits

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.review <= self.attach <= self.merge:
            raise ValueError("thresholds must rise: review, attach, merge")
        return self


class Model(_Part):
    """All parameters of matching.

    `prior` is the probability that two compared records are of one person (lambda of Fellegi and
    Sunter, 1969), `clip_bits` the most that one comparison may say for or against, and
    `contradiction` the evidence in bits, below 0, from which an exact identifier is not believed.
    """

    format: Literal[1]
    name: str = Field(min_length=1)
    normaliser: str
    prior: Probability
    clip_bits: float = Field(gt=0, le=64)
    contradiction: Annotated[Bits, Field(lt=0)]
    thresholds: Thresholds
    comparisons: tuple[ComparisonModel, ...] = Field(min_length=1)
    term_frequencies: dict[str, TermFrequencies] = Field(
        default_factory=dict, validate_default=True
    )
    provenance: dict[str, str] = Field(default_factory=dict)

    @field_validator("comparisons")
    @classmethod
    def _names_differ(cls, comparisons: tuple[ComparisonModel, ...]) -> tuple[ComparisonModel, ...]:
        names = [comparison.name for comparison in comparisons]
        if len(set(names)) < len(names):
            raise ValueError("each comparison needs a name of its own")
        return comparisons

    @field_validator("term_frequencies")
    @classmethod
    def _tables_are_there(
        cls, tables: dict[str, TermFrequencies], others: ValidationInfo
    ) -> dict[str, TermFrequencies]:
        comparisons: tuple[ComparisonModel, ...] = others.data.get("comparisons", ())
        wanted = {c.term_frequency for c in comparisons if c.term_frequency}
        if missing := wanted - set(tables):
            raise ValueError(f"no term frequencies named {', '.join(sorted(missing))}")
        return tables


def parse_model(content: bytes) -> Model:
    """Read a model from JSON.

    Raises:
        InvalidModel: listing every fault at once, so that a file is mended in one go.
    """
    try:
        return Model.model_validate_json(content)
    except ValidationError as error:
        raise InvalidModel(tuple(_faults(error))) from None


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        place = ".".join(str(step) for step in fault["loc"]) or "model"
        yield f"{place}: {fault['msg'].removeprefix('Value error, ')}"


def canonical_json(model: Model) -> bytes:
    """Bytes that are equal for equal models: sorted keys, no spaces, defaults written out."""
    return orjson.dumps(model.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)


def model_version(model: Model) -> str:
    """Name a model by its content: SHA-256 of the canonical JSON, in hexadecimal."""
    return sha256(canonical_json(model)).hexdigest()


def hash_term(term: str, salt: str) -> str:
    """Hash one folded word as the keys of `TermFrequencies` are: 6 bytes in hexadecimal."""
    return blake2b(term.encode(), digest_size=6, key=bytes.fromhex(salt)).hexdigest()
