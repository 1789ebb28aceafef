"""What stands in the place of what was closed: whoever uses an engine after its end is told so."""

from typing import Any, Never

from identity_engine.errors import UsageError


class Closed:
    """Refuses everything but to be closed again."""

    def close(self) -> None:
        """Do nothing: it is closed."""

    def __getattr__(self, name: str) -> Never:
        raise UsageError("This engine is closed. Open another with Engine.open.")


CLOSED: Any = Closed()
