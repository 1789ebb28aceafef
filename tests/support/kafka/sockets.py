"""Sockets of kafka-python that nobody closes, as far as tests must know of them.

A client that is closed while it connects leaves that socket to the garbage collector. That does no harm,
but its warning would fail whichever test is running by then.
"""

import socket
import warnings
from typing import Any

from kafka.net.inet import KafkaNetSocket


class Connecting(socket.socket):
    """A socket that warns of being left open only once its connection was made.

    Closing it where the connection is given up is not enough: of a client that is garbage as a whole,
    the collector may take the socket before the coroutine that would close it.
    """

    is_made = False

    def __del__(self) -> None:
        if self.is_made and self.fileno() != -1:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
        self.close()


def close_what_is_given_up() -> None:
    """Let a socket be closed, and not warned of, where its connection is not made."""
    connect = KafkaNetSocket.sock_connect

    def connecting(self: Any, *of: int) -> Connecting:
        return Connecting(*of)

    async def connect_or_close(self: Any, net: Any, sock: Any, *rest: Any, **named: Any) -> Any:
        try:
            made = await connect(self, net, sock, *rest, **named)
        except BaseException:
            sock.close()
            raise
        sock.is_made = True
        return made

    KafkaNetSocket.socket = connecting
    KafkaNetSocket.sock_connect = connect_or_close
