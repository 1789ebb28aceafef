"""Where an error came from, told without a word of what was being worked on."""

from traceback import walk_tb

PACKAGES = ("identity_engine", "aggregates", "projections", "matchers")


def origin_of(error: BaseException) -> str:
    """Return the deepest place of this project that an error passed, else the deepest of all, as
    `module:line`."""
    places = [
        (str(frame.f_globals.get("__name__", "?")), line)
        for frame, line in walk_tb(error.__traceback__)
    ]
    ours = [one for one in places if one[0].partition(".")[0] in PACKAGES]
    module, line = (ours or places or [("?", 0)])[-1]
    return f"{module}:{line}"
