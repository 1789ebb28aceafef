"""A measurement in a process of its own: what one leaves behind is no part of the next.

Memory at its most is that of a whole process, and a measurement may set its environment.
"""

import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from identity_engine.errors import StoreError

T = TypeVar("T")
TO_END_SECONDS = 10
"""For what it has begun itself to end, where it was interrupted."""


def measured_apart(measure: Callable[..., T], *given: Any) -> T:
    """Return what a function of a module returns for values that can be pickled.

    Raises:
        StoreError: the function raised an error, of which this has the text, or the process ended
            without an answer.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, measure, given))
    process.start()
    theirs.close()
    try:
        answer: tuple[T, None] | tuple[None, Exception] = ours.recv()
    except EOFError:
        raise StoreError("A process of the measurement ended; its message stands above.") from None
    finally:
        process.join(TO_END_SECONDS)
        process.terminate()
        process.join()
    if answer[1] is not None:
        raise answer[1]
    return answer[0]


def _answer(to: Connection, measure: Callable[..., Any], given: tuple[Any, ...]) -> None:
    try:
        to.send((measure(*given), None))
    except KeyboardInterrupt:
        sys.exit(1)  # who waits has been interrupted too, and says so
    except Exception as error:
        to.send((None, StoreError(str(error))))
