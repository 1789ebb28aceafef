"""Old events read as new ones: one small function for each step between two stored shapes.

An upcaster takes the clear and personal fields of a fact as stored under schema N and returns them as
schema N + 1 would have stored them. It is registered here when a fact's `SCHEMA` is raised, together
with a test that reads the stored bytes of the old shape. Stored bytes themselves never change.

A field that had its default, or was none, is not among them. `personal` is the text `erased` where the
key of its subject has been destroyed, else the fields of the personal part.
"""

from collections.abc import Callable, Mapping
from typing import Any

from identity_engine.errors import Unreadable

Fields = dict[str, Any]
Upcaster = Callable[[Fields], Fields]

UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}


def upcast(
    topic: str,
    stored_schema: int,
    wanted_schema: int,
    fields: Fields,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> Fields:
    """Lead `fields` from the stored schema to the wanted one, a step at a time.

    A newer schema than ours is read as it is: facts only ever gain fields within a topic.

    Raises:
        Unreadable: a step between the two has no upcaster.
    """
    for schema in range(stored_schema, wanted_schema):
        step = upcasters.get((topic, schema))
        if step is None:
            raise Unreadable(
                f"No upcaster leads {topic} from schema {schema} to {schema + 1}. "
                "Use a version of identity-engine that has one."
            )
        fields = step(fields)
    return fields
