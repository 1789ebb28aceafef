"""From the command line, the environment and a file to the settings in force, each with its origin.

Nothing of pydantic-settings is used here: it tells what the values are and not where each came from, and
stops at the first that a source cannot read (docs/decisions/0035-settings-with-their-origin.md).
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec import Struct, field
from platformdirs import user_config_path
from pydantic import ValidationError

from identity_engine.errors import SettingsError, UsageError
from identity_engine.settings.model import PREFIX, OperatorSettings, fields_of, variable_of

CONFIG_VARIABLE: Final = f"{PREFIX}CONFIG"
FILE_NAME: Final = "identity-engine.toml"
COMMAND_LINE: Final = "command line"
DEFAULT: Final = "default"


class Given(NamedTuple):
    """A value as a source has it, and how that source is named to people."""

    value: Any
    origin: str


class Reading(Struct):
    """What the sources say: values by dotted name, and what is wrong with them."""

    given: dict[str, Given] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    settings: OperatorSettings | None = None

    def origin(self, name: str) -> str:
        """Return where a setting came from."""
        return self.given[name].origin if name in self.given else DEFAULT


_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_typed: ContextVar[Mapping[str, Any]] = ContextVar("typed", default=_NONE)


@contextmanager
def typed(**given: Any) -> Iterator[None]:
    """Let what stands on the command line before all verbs hold within: settings, or `config`."""
    token = _typed.set({**_typed.get(), **given})
    try:
        yield
    finally:
        _typed.reset(token)


def read(over: Mapping[str, Any] | None = None) -> Reading:
    """Read all sources: the command line first, then the environment, then the file.

    Args:
        over: settings by dotted name that a verb was given; None stands for not given.
    """
    reading = Reading()
    _read_file(reading)
    for name, _ in fields_of():
        if value := os.environ.get(variable_of(name)):
            reading.given[name] = Given(value, f"environment ({variable_of(name)})")
    for name, value in {**_typed.get(), **(over or {})}.items():
        if value is not None and name != "config":
            reading.given[name] = Given(value, COMMAND_LINE)
    _validate(reading)
    return reading


def in_force(over: Mapping[str, Any] | None = None) -> OperatorSettings:
    """Return the settings in force.

    Args:
        over: as for `read`.

    Raises:
        SettingsError: some are wrong; the message names all of them.
        UsageError: the same, where all of them stand on the command line.
    """
    reading = read(over)
    if reading.settings is not None and not reading.faults:
        return reading.settings
    is_usage = all(f" from {COMMAND_LINE}: " in fault for fault in reading.faults)
    wrong = UsageError if is_usage else SettingsError
    raise wrong("The settings are not valid:\n  " + "\n  ".join(reading.faults))


def problems(over: Mapping[str, Any] | None = None) -> list[str]:
    """Name all that is wrong: what `in_force` refuses, and what would only be met later.

    A variable that looks like a setting and is none stops nothing, because the environment is not ours
    alone; nor does a file or a secret that is named and missing, until it is needed.

    Args:
        over: as for `read`.
    """
    reading = read(over)
    return [*reading.faults, *_unknown_variables(reading), *_missing(reading)]


def _unknown_variables(reading: Reading) -> Iterator[str]:
    known = {variable_of(name) for name, _ in fields_of()} | {CONFIG_VARIABLE}
    secrets = {one.value for name, one in reading.given.items() if name.endswith("_env")}
    for name in sorted(set(os.environ) - known - secrets):
        if name.startswith(PREFIX):
            yield f"{name} is no setting.{_nearest(name, known)}"


def _missing(reading: Reading) -> Iterator[str]:
    for name, (value, origin) in sorted(reading.given.items()):
        if name.endswith("_env") and not os.environ.get(str(value)):
            yield f"{name} from {origin}: the environment variable {value} is not set."
        if name.endswith("_file") and not os.access(str(value), os.R_OK):
            yield f"{name} from {origin}: there is no file {value} that can be read."


def config_file() -> Path | None:
    """Return the file of settings: the one named, else that of the working folder, else the user's.

    Raises:
        ConfigurationError: the one named is not there.
    """
    named = _typed.get().get("config") or os.environ.get(CONFIG_VARIABLE)
    if named:
        if not (path := Path(named)).is_file():
            raise SettingsError(
                f"There is no file of settings {path}. Correct --config or {CONFIG_VARIABLE}."
            )
        return path
    places = (Path(FILE_NAME), user_config_path("identity-engine") / FILE_NAME)
    return next((path for path in places if path.is_file()), None)


def _read_file(reading: Reading) -> None:
    try:
        path = config_file()
        content = tomllib.loads(path.read_text("utf-8")) if path is not None else {}
    except SettingsError as error:
        reading.faults.append(str(error))
        return
    except tomllib.TOMLDecodeError as error:
        # What stands at the place is not repeated by it, but for the odd character.
        reading.faults.append(f"{path} is no TOML: {error}.")
        return
    except (OSError, UnicodeDecodeError):
        reading.faults.append(f"{path} cannot be read as UTF-8 text. Check its rights.")
        return
    names = {name for name, _ in fields_of()}
    for name, value in _flat(content, names):
        if name in names:
            reading.given[name] = Given(value, f"file ({path})")
        else:
            sections = {one.partition(".")[0] for one in names}
            reading.faults.append(
                f"{path}: {name} is no setting.{_nearest(name, names | sections)}"
            )


def _flat(table: Mapping[str, Any], names: set[str], under: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{under}{key}"
        if isinstance(value, dict) and any(one.startswith(f"{name}.") for one in names):
            yield from _flat(value, names, f"{name}.")
        else:
            yield name, value


def _validate(reading: Reading) -> None:
    nested: dict[str, Any] = {}
    for name, one in reading.given.items():
        *sections, last = name.split(".")
        inner = nested
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = one.value
    try:
        reading.settings = OperatorSettings.model_validate(nested)
    except ValidationError as error:
        reading.faults += _told(error, reading)


def _told(error: ValidationError, reading: Reading) -> Iterator[str]:
    """Say what is wrong with each setting, without its value: it may be a secret in the wrong place."""
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        steps = [step for step in fault["loc"] if isinstance(step, str)]
        name = ".".join(steps)
        origin = f" from {reading.origin(name)}" if name in reading.given else ""
        yield f"{name}{origin}: {fault['msg'].removeprefix('Value error, ')}."


def _nearest(name: str, known: set[str]) -> str:
    """Name the known one that was probably meant; a setting without its table counts too."""
    by_tail = [one for one in sorted(known) if one.rpartition(".")[2] == name.rpartition(".")[2]]
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6) or by_tail
    return f" Did you mean {near[0]}?" if near else " See: identity-engine settings show"
