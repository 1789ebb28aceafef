"""A measurement in a process of its own: what one leaves behind is no part of the next.

Memory at its most is that of a whole process, and a measurement may set its environment.
"""

import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from identity_engine.errors import StoreError

T = TypeVar("T")


def measured_apart(measure: Callable[..., T], *given: Any) -> T:
    """Return what a function of a module returns for values that can be pickled.

    Raises:
        Exception: what the function raised.
        StoreError: the process ended without an answer.
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
        process.terminate()
        process.join()
    if answer[1] is not None:
        raise answer[1]
    return answer[0]


def _answer(to: Connection, measure: Callable[..., Any], given: tuple[Any, ...]) -> None:
    # Who interrupts ends the process that waits, and that ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        to.send((measure(*given), None))
    except Exception as error:
        # It is raised where it is waited for.
        to.send((None, error))
