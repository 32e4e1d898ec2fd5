"""A slot of a virtual reader: carries a virtual card to a real pcscd over vpcd's TCP protocol.

Wire: two bytes of length, big-endian, then the payload. A payload of one byte is control (0 off, 1 on, 2 reset,
4 give ATR) and only "give ATR" is answered; anything else is an APDU and its answer is framed alike.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TypeVar

from simulators.card.faults import SwappedError, WithdrawnError
from simulators.card.plastic import Card

Inserted = TypeVar("Inserted", bound=Card)

SETTLE_S = 0.8  # vpcd 3.3 can stick at "no card" when a card comes back sooner after it was pulled mid-exchange
_EMPTIED_AT: dict[tuple[str, int], float] = {}  # when each slot of this process lost its last card, monotonic seconds
CONNECT_RETRY_S = 0.05
_ON, _RESET, _GIVE_ATR = 1, 2, 4


class VpcdSlot:
    """One slot: at most one card in it. All methods may be called from any one thread, none waits without bound.

    While a card is in, a connection that pcscd drops (it was restarted) is made again, as a card stays in a real slot.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 35963, *, settle_s: float = SETTLE_S) -> None:
        self._address = (host, port)
        self._settle_s = settle_s
        self._session: _Session | None = None

    def insert(self, card: Inserted, *, wait_s: float = 10.0) -> Inserted:
        """Put the card in and wait until pcscd has powered it; ``TimeoutError`` when it does not within ``wait_s``.

        Clients of pcscd hear of it a moment later: wait for your reader's "inserted" before you read.
        """
        self.begin_insert(card)
        self.wait_powered(wait_s)
        return card

    def begin_insert(self, card: Card) -> None:
        """Put the card in and do not wait for pcscd. A card that is still in is taken out first."""
        self.withdraw()
        remaining = _EMPTIED_AT.get(self._address, -self._settle_s) + self._settle_s - time.monotonic()
        if remaining > 0:
            threading.Event().wait(remaining)
        self._session = _Session(self._address, card)

    def wait_powered(self, wait_s: float) -> None:
        """Wait until pcscd has powered the card that is in."""
        if self._session is None or not self._session.powered.wait(wait_s):
            raise TimeoutError(f"no pcscd powered the card at {self._address[0]}:{self._address[1]} within {wait_s} s")

    @property
    def occupied(self) -> bool:
        """Whether a card is in the slot (a card may have taken itself out by its knob)."""
        return self._session is not None and not self._session.over.is_set()

    def withdraw(self) -> None:
        """Take the card out, at once, whatever it is doing. Nothing happens when the slot is empty."""
        if self._session is not None:
            _EMPTIED_AT[self._address] = self._session.end()
            self._session = None

    def close(self) -> None:
        """The same; the slot may be used again."""
        self.withdraw()


class _Session:
    """One card in the slot, on a thread of its own."""

    def __init__(self, address: tuple[str, int], card: Card) -> None:
        self.powered = threading.Event()
        self.over = threading.Event()
        self._address = address
        self._card = card
        self._on = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._ended_at = 0.0
        self._thread = threading.Thread(target=self._run, name=f"vpcd-slot-{address[1]}", daemon=True)
        self._thread.start()

    def end(self) -> float:
        """Out with it; returns when it went (monotonic seconds)."""
        if not self.over.is_set():
            self._ended_at = time.monotonic()
        self.over.set()
        with self._lock:
            self._shut()
        self._thread.join(5.0)
        return self._ended_at

    def _run(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                self._connect()
                self._serve()
            self.over.wait(CONNECT_RETRY_S)

    def _connect(self) -> None:
        opened = socket.create_connection(self._address, timeout=2.0)
        opened.settimeout(None)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._card.reset()
        self._on = False
        with self._lock:
            self._socket = opened
            if self.over.is_set():
                self._shut()

    def _serve(self) -> None:
        connection = self._socket
        assert connection is not None  # noqa: S101 - set by _connect just before
        try:
            while (payload := _receive(connection)) is not None:
                answer = self._answer(payload)
                if answer is not None:
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)
        except WithdrawnError:
            self._ended_at = time.monotonic()
            self.over.set()
        except SwappedError:
            self._swap()
        finally:
            with self._lock:
                connection.close()
                self._socket = None

    def _swap(self) -> None:
        """The other card comes in as soon as the slot has settled."""
        following = self._card.faults.swap_for
        if following is None:
            self._ended_at = time.monotonic()
            self.over.set()
            return
        with self._lock:
            self._shut()
        self.over.wait(SETTLE_S)
        self._card = following

    def _answer(self, payload: bytes) -> bytes | None:
        if len(payload) == 1:
            return self._control(payload[0])
        if self._card.faults.slow_s:
            self.over.wait(self._card.faults.slow_s)
        return self._card.answer(payload)

    def _control(self, code: int) -> bytes | None:
        if code in {_ON, _RESET}:
            self._card.reset()
            self._on = True
        if code != _GIVE_ATR:
            return None
        if self._on:  # the question before power-on is only pcscd's look whether a card is there
            self.powered.set()
        return self._card.atr

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _receive(connection: socket.socket) -> bytes | None:
    """One frame, or ``None`` at the end of the connection."""
    head = _exactly(connection, 2)
    return None if head is None else _exactly(connection, int.from_bytes(head, "big"))


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        # vpcd 3.3 sends length and payload apart; without a quick ACK each exchange costs the kernel's 40 ms delay.
        if hasattr(socket, "TCP_QUICKACK"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        chunk = connection.recv(count - len(data))
        if not chunk:
            return None
        data += chunk
    return data
