"""The entry point: finds the verb, and turns every expected failure into one plain line.

Exit codes: 0 done, 1 refused or found a problem, 2 wrong usage, 130 stopped by the user.
"""

import os
import sys
from collections.abc import Sequence

from identity_engine.cli.complaining import complain

GLOBAL_OPTIONS = ("--store",)
ACTOR_OPTION = "--actor"


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        from identity_engine import __version__

        sys.stdout.write(f"{__version__}\n")
        sys.exit(0)
    if (rest := _with_actor(given)) is None:
        sys.exit(_fail(f"{ACTOR_OPTION} needs an id: who acts.\nTry: identity-engine --help", 2))
    sys.exit(_run(_global_options_last(rest)))


def _run(arguments: list[str]) -> int:
    import sqlite3

    from cyclopts import CycloptsError
    from pydantic import ValidationError

    from aggregates.errors import RuleViolation
    from identity_engine.cli.app import app
    from identity_engine.errors import IdentityEngineError, UsageError
    from identity_engine.settings import TRACEBACK_VARIABLE
    from matchers.model import InvalidModel

    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(f"{error}\nTry: identity-engine --help", 2)
    except UsageError as error:
        return _fail(str(error), 2)
    except (IdentityEngineError, RuleViolation, InvalidModel) as error:
        return _fail(str(error), 1)
    except ValidationError as error:
        return _fail("The file is not valid:\n" + _faults(error), 1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone; there is nobody left to tell
        return 1
    except KeyboardInterrupt:
        return _fail(
            "Stopped. All acknowledged work is stored; the same command goes on from there.", 130
        )
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _fail(f"The operating system refused: {error.strerror or error}{where}.", 1)
    except sqlite3.Error as error:
        return _fail(f"SQLite says: {error}. Try: identity-engine doctor", 1)
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        # The message of an error nobody foresaw may hold a personal value, so it is not shown.
        return _fail(
            f"Something unforeseen happened ({type(error).__name__}). This is a bug: please report "
            f"it, with what {TRACEBACK_VARIABLE}=1 shows.",
            1,
        )
    return code if isinstance(code, int) else 0


def _with_actor(arguments: list[str]) -> list[str] | None:
    """Take `--actor ID` off the command line, wherever it stands: it says who runs every verb.

    Returns:
        The other arguments; None if the id is missing or empty, since nobody named is not the owner.
    """
    from identity_engine.settings import ACTOR_VARIABLE

    rest = []
    given = iter(arguments)
    for argument in given:
        name, equals, value = argument.partition("=")
        if name == ACTOR_OPTION:
            actor = value if equals else next(given, "")
            if not actor.strip():
                return None
            os.environ[ACTOR_VARIABLE] = actor
        else:
            rest.append(argument)
    return rest


def _global_options_last(arguments: list[str]) -> list[str]:
    """Let `--store S` stand before the verb as well as after it."""
    leading: list[str] = []
    rest = list(arguments)
    while rest and rest[0].split("=")[0] in GLOBAL_OPTIONS:
        take = 1 if "=" in rest[0] else 2
        leading += rest[:take]
        rest = rest[take:]
    return rest + leading


def _fail(message: str, code: int) -> int:
    complain(message)
    return code


def _faults(error: object) -> str:
    from pydantic import ValidationError

    assert isinstance(error, ValidationError)
    return "\n".join(
        f"  {'.'.join(str(step) for step in fault['loc']) or 'file'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )


if __name__ == "__main__":
    run()
