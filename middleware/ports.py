"""What the engine asks of the edges. Edges implement these; nothing in middleware imports an edge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from attrs import frozen

from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.card_debit import Accounts, DebitChallenge, DebitOrder, DebitProof, DebitReceipt
from middleware.domain.card_key import FileAsk, IdentityRead, KeyAsk, KeyChallenge, KeyProof, OpenedCard, Pin
from middleware.domain.centre import Call, CentreReply, CentreRequest, SignIn
from middleware.domain.fault import Fault
from middleware.domain.health import PartHealth
from middleware.domain.his import FindPatient, HisAccepted, HisFound, HisMessage, Told
from middleware.domain.mobile import OrderStands
from middleware.domain.outcome import Outcome
from middleware.domain.payment import BankCall, BankReply, BankRequest


class Part(Protocol):
    """Everything with a life: started once, stopped once, always able to say how it is."""

    def start(self) -> None:
        """Begin. Returns at once; a part that cannot work yet says so by ``health`` and keeps trying."""

    async def stop(self) -> None:
        """End in bounded time; nothing of it runs afterwards."""

    def health(self) -> PartHealth:
        """How it is now; never blocks."""


@frozen(slots=True)
class PreparedCall:
    """A centre message, complete and checked, whose bytes are fixed. ``body`` is the adapter's own; opaque here."""

    message_id: str
    call: Call
    digest: str  # SHA-256 of the bytes that will be sent, hex: goes into the journal before them (invariant 5)
    body: Any
    sign_number: str = ""  # of the sign-in that it goes out under, where a region compares by business cycle; else ""


class Centre(Part, Protocol):
    """The insurance centre."""

    def needs_sign_in(self, at: dt.datetime) -> bool:
        """Whether a 9001 must be answered before any other call; asked before each call."""

    def sign_in_request(self) -> SignIn:
        """The 9001 to send."""

    def clock_ahead_s(self) -> float | None:
        """Seconds by which our wall clock is certainly ahead of the centre's (negative: behind); None: it never said."""

    async def prepare(self, message_id: str, request: CentreRequest, at: dt.datetime) -> PreparedCall:
        """Make the message; sends nothing. Raises ``Fault("centre.field")`` naming transaction, field and rule."""

    async def send(
        self,
        call: PreparedCall,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Outcome[CentreReply]], None],
    ) -> Outcome[CentreReply]:
        """Send it once and say how it ended, within the adapter's total deadline. Never raises, never sends twice.

        ``on_first_byte`` is called in the reactor thread just before the first byte is handed to the wire.
        ``on_late_reply`` may be called once after ``Unknown("time-out")`` was returned, when a definite answer still
        came on the same connection.
        """


class Notices(Protocol):
    """The channel of mobile payment where it speaks by itself."""

    async def read_notice(self, body: bytes) -> OrderStands:
        """What a notice (6302) says. Raises ``mobile.not_genuine`` when the channel did not seal it, or not for us."""

    def answer(self, *, taken: bool) -> bytes:
        """What it is answered with; one that was not taken comes again."""


@frozen(slots=True)
class PreparedPayment:
    """A message to the bank whose bytes are fixed. ``digest`` is of them without the card's data; ``body`` is opaque."""

    message_id: str
    call: BankCall
    digest: str
    body: Any


class Bank(Part, Protocol):
    """The bank, or its acquirer, that takes own shares from cards."""

    async def prepare(self, message_id: str, request: BankRequest) -> PreparedPayment:
        """Make the message; sends nothing. Raises ``Fault("payment.field")`` naming field and rule."""

    async def send(
        self,
        call: PreparedPayment,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Outcome[BankReply]], None],
    ) -> Outcome[BankReply]:
        """Send it once and say how it ended, within the adapter's total deadline. Never raises, never sends twice.

        A refusal is a ``BankRefusal``. ``on_late_reply`` may be called once after ``Unknown("time-out")``.
        """


class His(Part, Protocol):
    """The hospital information system."""

    async def deliver(self, message: HisMessage) -> Outcome[HisAccepted]:
        """Tell it, and say how that ended. Safe to repeat: the control id and the bytes are the same each time.

        ``Refused`` is AE/AR (CE/CR); ``Unknown`` is silence or a lost link; ``NotSent`` never left.
        """


class NumberedHis(His, Protocol):
    """A destination whose messages bear sequence numbers (MSH-13)."""

    async def tell(self, message: HisMessage, number: int) -> Told:
        """As ``deliver``, under that number."""

    async def ask_number(self, control_id: str, created_at: dt.datetime, number: int) -> Told:
        """Start (0) or resynchronise (-1) the numbers: a message that says nothing else, and what is expected now."""


class PatientIndex(Protocol):
    """Whom the hospital information system has."""

    async def find(self, query: FindPatient) -> Outcome[HisFound]:
        """Ask it, within the adapter's deadline. Nothing changes anywhere, so that it may be asked again.

        ``Answered`` names everybody whom it named, nobody being an answer too; ``Refused`` is its own no; ``Unknown`` is
        silence, or a reply that proves nothing; ``NotSent("his.find_off")`` where a HIS is not asked at all.
        """


class Readers(Part, Protocol):
    """All card readers of this machine."""

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """What is known of each reader now; never blocks."""

    async def read_card(self, reader: str) -> CardRead:
        """Read the card in that reader, whole and checked, within the reader's own deadline, or raise ``Fault``."""

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        """Call ``observer`` in the reactor thread at each insertion and removal; returns what ends the watch."""


@frozen(slots=True)
class DebitKeys:
    """A PSAM's part in one debit: what the card is shown, by which PSAM, and the check of what the card answers."""

    proof: DebitProof
    psam: str
    check: Callable[[str], Awaitable[None]]  # of MAC2; raises ``card.mac``, or a ``psam.`` fault


class CardSession(Protocol):
    """One card, powered and ours alone, from step to step; every step raises ``card.session_gone`` once that is over.

    A card that is pulled, reset or swapped, a reader or service that goes: the session ends and is never mended.
    """

    @property
    def card(self) -> OpenedCard:
        """Which card it is."""

    @property
    def gone(self) -> Fault | None:
        """Why it is over; ``None`` while it is not."""

    async def challenge(self, ask: KeyAsk) -> KeyChallenge:
        """What a key holder is to compute; replaces a challenge that was not answered."""

    async def prove(self, proof: KeyProof) -> None:
        """Answer the last challenge, once. Raises ``card.not_genuine``, ``card.key_refused``, ``card.locked``."""

    async def authenticate(self, ask: KeyAsk) -> str:
        """Both by the PSAM of this machine; its serial. Raises what ``prove`` raises, and the ``psam.`` faults."""

    async def identity(self, *, psam: bool = True) -> IdentityRead:
        """The holder, whole and checked; a card that wants a proof first gets the PSAM's, unless that is not to be."""

    def key_for(self, asks: tuple[FileAsk, ...]) -> KeyAsk | None:
        """The key behind which these files are, or ``None``. ``request.bad_params`` names what cannot be asked for."""

    async def files(self, asks: tuple[FileAsk, ...]) -> tuple[tuple[str, ...], ...]:
        """Their items as text, "" where nothing is written; what was proved counts for this one reading."""

    async def records(self, first: int, count: int, *, psam: bool) -> tuple[tuple[tuple[str, ...], ...], str]:
        """Records of the medical transaction log, and the serial of the PSAM that opened it."""

    async def verify_pin(self, pin: Pin | None) -> None:
        """Show the PIN to the card, or let the reader's pad ask for it; the PIN is wiped."""

    async def change_pin(self, old: Pin, new: Pin) -> None:
        """Change it; both are wiped."""

    async def unblock_challenge(self) -> bytes:
        """What the HSM needs for PIN UNBLOCK; with a new PIN the card wants the reload key proved first."""

    async def unblock_pin(self, data: bytes, *, reload: bool) -> None:
        """PIN UNBLOCK with the HSM's data; ``reload`` when a new PIN is inside them."""

    async def accounts(self) -> Accounts:
        """What the card says of its medical accounts; the PIN must have been shown."""

    async def debit_challenge(self, order: DebitOrder, terminal: str, known: Accounts) -> DebitChallenge:
        """Begin a debit: no money moves. Raises ``card.debit_funds``."""

    def debit_keys(self, challenge: DebitChallenge) -> AbstractAsyncContextManager[DebitKeys]:
        """The PSAM of this machine, ours alone until the debit is over."""

    async def debit(self, proof: DebitProof) -> DebitReceipt:
        """The command that moves money, once. ``card.debit_refused``: it did not; any other fault: nobody knows."""

    def close(self, why: str = "closed") -> None:
        """Let the card go, reset. May be called twice."""

    async def closed(self) -> None:
        """The same, and the reader is free when it returns."""


class KeyedReaders(Readers, Protocol):
    """Readers whose cards can be held and proved to."""

    async def open_card(self, reader: str) -> CardSession:
        """Power the card in that reader and find out which it is; waits its turn, then ``reader.busy``."""

    def choose(self) -> str:
        """The only reader with a card, the PSAM's aside; ``card.absent``, or ``reader.unknown`` when several have one."""

    async def terminal_numbers(self) -> tuple[str, str]:
        """Terminal number (twelve digits) and device number, as the PSAM or the configuration says them; else ""."""


class Hands(Protocol):
    """Readers into which a front end hands what a keyboard wedge typed."""

    async def present(self, reader: str, text: str) -> CardRead:
        """The identity that the text says, by the layouts of that reader.

        Raises ``UnlinkedError``, ``medium.no_layout``, ``reader.unknown`` and whatever a read of a code raises.
        """


class Clock(Protocol):
    """Time as an argument (rule 4). A Twisted reactor is one; so is ``twisted.internet.task.Clock``."""

    def seconds(self) -> float:
        """Monotonic seconds."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> Any:  # noqa: A002, N802
        """Twisted's own."""
