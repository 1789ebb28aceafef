"""A TCP proxy that cuts connections at a chosen moment."""

import contextlib
import socket
import threading


class CuttingProxy:
    """Stands before a server on 127.0.0.1.

    Once `arm` was called, the connection on which the client says `word` next is cut behind the server's
    answer: the server has done it, and the client never learns that.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._word: bytes | None = None
        self._spare = 0
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, word: bytes, *, after: int = 0) -> None:
        """Cut at the next time that a client says this, or `after` more times of it."""
        self._spare, self._word = after, word

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._up, args=(client, server), daemon=True).start()
                threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                cuts = self._word is not None and self._word in data and self._takes_its_turn()
                if cuts:
                    # The client hears nothing any more, and the server still does what it was told.
                    client.shutdown(socket.SHUT_RDWR)
                    self.cuts += 1
                server.sendall(data)
                if cuts:
                    break
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _takes_its_turn(self) -> bool:
        if self._spare:
            self._spare -= 1
            return False
        self._word = None
        return True

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                client.sendall(data)
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.close()
