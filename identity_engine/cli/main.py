"""The entry point: finds the verb, and turns every expected failure into one plain line.

Exit codes: 0 done, 1 refused or found a problem, 2 wrong usage or settings, 130 stopped by the user.

All else is imported only once `run` is there to answer Ctrl-C.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise

GLOBAL_OPTIONS = ("--store",)
EVERYWHERE = {
    "--actor": ("actor", "needs an id: who acts."),
    "--config": ("config", "needs a file: the settings."),
}
"""Options that every verb takes, wherever they stand: what each sets, what is said without a value."""

STOPPED = "Stopped. All acknowledged work is stored; the same command goes on from there."

FROM_STANDARD_INPUT = ("--note", "--mail")
"""Options whose text may come from standard input."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process with its code."""
    try:
        code = _started(arguments)
    except KeyboardInterrupt:  # also while modules are still imported
        code = _fail(STOPPED, 130)
    sys.exit(code)


def _started(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        from identity_engine.version import __version__

        sys.stdout.write(f"{__version__}\n")
        return 0
    if (place := _first_that_is_no_text(given)) is not None:
        said = (
            f"Word {place} after identity-engine is not UTF-8 text. Convert it first, for example "
            "with iconv -t UTF-8."
        )
        return _fail(said, 2)
    rest, typed, lacking = _taken_everywhere(given)
    if lacking is not None:
        said = f"{lacking} {EVERYWHERE[lacking][1]}"
        return _fail(_with_help(said, _global_options_last(rest)), 2)
    from identity_engine.settings import typed as typed_settings

    with typed_settings(**typed):
        return _run(_global_options_last(_with_dashes(rest)))


def _run(arguments: list[str]) -> int:
    import sqlite3

    from cyclopts import CycloptsError

    from identity_engine.cli.app import app
    from identity_engine.errors import IdentityEngineError, SettingsError, UsageError

    if _writes_to_standard_output(arguments):
        said = "--out needs the name of a file; nothing but the answer goes to standard output."
        return _fail(_with_help(said, arguments), 2)
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(_with_help(str(error), arguments), 2)
    except (UsageError, SettingsError) as error:
        return _fail(str(error), 2)
    except IdentityEngineError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone; there is nobody left to tell
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _fail(f"The operating system refused: {error.strerror or error}{where}.", 1)
    except sqlite3.Error as error:
        return _fail(f"SQLite says: {error}. Try: identity-engine doctor", 1)
    except Exception as error:
        if _shows_traceback():
            raise
        # The message of an error nobody foresaw may hold a personal value, so it is not shown.
        from identity_engine.observing.origin import origin_of

        return _fail(
            f"Something unforeseen happened ({type(error).__name__} at {origin_of(error)}). This is a "
            "bug: please report it, with what IDENTITY_ENGINE_TRACEBACK=1 shows.",
            1,
        )
    return code if isinstance(code, int) else 0


def _shows_traceback() -> bool:
    from identity_engine.errors import ConfigurationError
    from identity_engine.settings import in_force

    try:
        return in_force().traceback
    except ConfigurationError:
        return False


def _first_that_is_no_text(arguments: Sequence[str]) -> int | None:
    """Return the place, from 1, of the first argument whose bytes were no UTF-8; None if all were.

    Python hands such bytes on as halves of surrogate pairs, which no store and no screen takes.
    """
    from identity_engine.cli.terminal.text import is_text

    return next((place for place, one in enumerate(arguments, 1) if not is_text(one)), None)


def _taken_everywhere(arguments: list[str]) -> tuple[list[str], dict[str, str], str | None]:
    """Take the options of every verb off the command line.

    Returns:
        The other arguments; what they set; and the option whose value is missing or empty, if any: an
        actor that nobody named is not the owner.
    """
    rest: list[str] = []
    typed: dict[str, str] = {}
    given = iter(arguments)
    for argument in given:
        name, equals, value = argument.partition("=")
        if name not in EVERYWHERE:
            rest.append(argument)
            continue
        said = value if equals else next(given, "")
        if not said.strip():
            return rest, typed, name
        typed[EVERYWHERE[name][0]] = said
    return rest, typed, None


def _global_options_last(arguments: list[str]) -> list[str]:
    """Let `--store S` stand before the verb as well as after it."""
    leading: list[str] = []
    rest = list(arguments)
    while rest and rest[0].split("=")[0] in GLOBAL_OPTIONS:
        take = 1 if "=" in rest[0] else 2
        leading += rest[:take]
        rest = rest[take:]
    return rest + leading


def _with_dashes(arguments: list[str]) -> list[str]:
    """Let a single dash stand for standard input after an option that reads it: the parser takes it for
    another option."""
    rest: list[str] = []
    for argument in arguments:
        if argument == "-" and rest and rest[-1] in FROM_STANDARD_INPUT:
            rest[-1] += "=-"
        else:
            rest.append(argument)
    return rest


def _writes_to_standard_output(arguments: Sequence[str]) -> bool:
    """Tell whether a single dash stands where a verb needs the name of a file to write."""
    return "--out=-" in arguments or ("--out", "-") in pairwise(arguments)


def _with_help(message: str, arguments: Sequence[str]) -> str:
    """Say with what was wrong where the right use of the verb is told."""
    from identity_engine.cli.app import app

    verb, *_ = app.parse_commands(arguments)
    return f"{message}\nTry: {' '.join(('identity-engine', *verb, '--help'))}"


def _fail(message: str, code: int) -> int:
    from identity_engine.cli.terminal.errors import complain

    complain(message)
    return code


if __name__ == "__main__":
    run()
