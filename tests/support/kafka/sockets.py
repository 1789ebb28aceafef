"""Sockets of kafka-python that nobody closes, as far as tests must know of them.

A client that is closed while it connects leaves that socket to the garbage collector. That does no harm,
but its warning would fail whichever test is running by then.
"""

from typing import Any

from kafka.net.inet import KafkaNetSocket


def close_what_is_given_up() -> None:
    """Let a socket be closed where its connection is not made."""
    connect = KafkaNetSocket.sock_connect

    async def connect_or_close(self: Any, net: Any, sock: Any, *rest: Any, **named: Any) -> Any:
        try:
            return await connect(self, net, sock, *rest, **named)
        except BaseException:
            sock.close()
            raise

    KafkaNetSocket.sock_connect = connect_or_close
