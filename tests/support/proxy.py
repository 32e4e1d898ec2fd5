"""A TCP proxy between the writer and PostgreSQL that can swallow, hold or cut what the server answers."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Passes on to ``target``; ``rule`` is for the next COMMIT alone.

    ``swallow``: the COMMIT goes to the server, its answer is thrown away and the connection is cut.
    ``cut``: the COMMIT never reaches the server, the connection is cut.
    ``part``: the COMMIT goes to the server and the connection is cut at once, while the server is at work.
    ``hold``: the COMMIT goes to the server, its answer is kept until ``go_on`` is set; ``held`` says that it is.
    """

    def __init__(self, target: int, port: int) -> None:
        self._target = target
        self.port = port
        self.rule = ""
        self.held, self.go_on = threading.Event(), threading.Event()
        self._sockets: list[socket.socket] = []
        self.open()

    def open(self) -> None:
        """Whoever comes is let through."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Nobody comes through any more, and who is there is cut off."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end(*self._sockets)

    def close(self) -> None:
        self.go_on.set()
        self.refuse()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                state: dict[str, str] = {}
                threading.Thread(target=self._up, args=(client, server, state), daemon=True).start()
                threading.Thread(target=self._down, args=(server, client, state), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, state: dict) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if b"COMMIT" in data and self.rule:
                    state["rule"], self.rule = self.rule, ""
                    if state["rule"] == "cut":
                        break
                server.sendall(data)
                if state.get("rule") == "part":
                    break
        self._end(client, server)

    def _down(self, server: socket.socket, client: socket.socket, state: dict) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                rule = state.pop("rule", "")
                if rule == "swallow":
                    break
                if rule == "hold":
                    self.held.set()
                    self.go_on.wait(30)
                client.sendall(data)
        self._end(client, server)

    @staticmethod
    def _end(*pair: socket.socket) -> None:
        for one in pair:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
