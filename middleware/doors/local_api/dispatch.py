"""One line in, exactly one line out: who asks, may they, is it well-formed, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from attrs import frozen
from twisted.internet.defer import Deferred

from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.doors.deadline import DeadlinePassed, Work
from middleware.doors.local_api.frame import text_of
from middleware.doors.local_api.handlers import Business, Visit
from middleware.doors.local_api.message import Request, Unreadable, error_line, read_request, result_line
from middleware.doors.local_api.methods import HELLO, METHODS, Method, methods_of
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.local_api.params import HelloParams
from middleware.doors.local_api.session import Session
from middleware.doors.tokens import TokenTable
from middleware.engine.counter import Answer

log = structlog.get_logger()

# (method, "ok" or a fault code, seconds): both labels come from tables, so they are bounded.
Observe = Callable[[str, str, float], None]
UNREAD = "unreadable"  # the method's name when there was none that we know


# Carries a call out when it has its turn among others; a reactor's ``callFromThread`` does.
HandOver = Callable[..., object]


def at_once(call: Callable[..., object], *args: object) -> None:
    """For whoever has nobody to share with."""
    call(*args)


def observe_nothing(_method: str, _outcome: str, _seconds: float) -> None:
    """For whoever counts nothing."""


@frozen(slots=True)
class Reply:
    """The answer's line, and whether the connection ends with it."""

    line: bytes
    close: bool = False


class Dispatcher:
    """Answers every line; never raises, never leaves a request without its answer.

    Answers may come in another order than the requests: the id joins them. What takes a key is work: it is read and counted
    here and begun by ``hand_over``, so that whoever only asks how things are waits for no other caller's work.
    """

    def __init__(
        self,
        business: Business,
        tokens: TokenTable,
        options: LocalApiOptions,
        observe: Observe = observe_nothing,
        hand_over: HandOver = at_once,
    ) -> None:
        self._business = business
        self._tokens = tokens
        self._options = options
        self._observe = observe
        self._hand_over = hand_over
        self.in_flight = 0
        self.stopping = False

    async def answer(self, session: Session, line: bytes) -> Reply:
        """The one answer of one line."""
        began = self._business.clock.seconds()
        # hello changes the charset from the next line on: its own answer is still in the old one.
        method, request_id, charset = UNREAD, None, session.charset
        fault: Fault | None = None
        reply = b""
        try:
            request = self._read(session, line)
            request_id, method = request.id, request.method if request.method in METHODS else UNREAD
            result = await self._carry_out(session, request)
            reply = result_line(request_id, result, charset)
        except Unreadable as exc:
            fault, request_id = exc.fault, exc.id
        except Fault as exc:
            fault = exc
        except Exception as exc:  # noqa: BLE001 - whatever it was, the caller hears of it, and nothing of its text
            # Type and place only: a traceback quotes values, and values here are people.
            log.error("api.internal", method=method, error=type(exc).__name__, where=_where(exc))  # noqa: TRY400 - see above
            fault = Fault("system.internal")
        if fault is not None:
            reply = error_line(request_id, fault, charset)
        self._tell(session, method, fault, began)
        return Reply(reply, close=session.bad_tokens >= self._options.bad_tokens)

    def refuse(self, session: Session, fault: Fault) -> bytes:
        """The answer to bytes that never became a request: too long, too slow, one connection too many."""
        self._tell(session, UNREAD, fault, self._business.clock.seconds())
        return error_line(None, fault, session.charset)

    def _read(self, session: Session, line: bytes) -> Request:
        return read_request(text_of(line, session.charset), self._options.depth)

    async def _carry_out(self, session: Session, request: Request) -> Answer:
        if request.method == HELLO:
            return self._hello(session, METHODS[HELLO].read(request.params))
        caller = session.caller
        if caller is None:  # before anything is said of the method: a stranger learns no names
            raise Fault("access.no_session")
        method = METHODS.get(request.method)
        if method is None:
            raise Fault("request.unknown_method")
        if caller.role not in method.roles:
            allowed = ", ".join(sorted(method.roles))
            raise Fault(
                "access.role", f"{method.name} is for {allowed}; session.hello says what {caller.role.value} may call"
            )
        params = method.read(request.params)
        if self.stopping:
            raise Fault("system.stopping")
        self._make_room(session)
        return await self._work(session, caller, method, params)

    def _make_room(self, session: Session) -> None:
        if session.in_flight >= self._options.in_flight:
            raise Fault("request.too_many", f"at most {self._options.in_flight} on one connection")
        if self.in_flight >= self._options.in_flight_total:
            raise Fault("system.busy", "too many requests on all connections")

    async def _work(self, session: Session, caller: Caller, method: Method, params: Any) -> Answer:
        async def run() -> Answer:
            assert method.handler is not None  # noqa: S101 - only hello has none, and it never comes here
            if method.keyed:
                turn: Deferred[None] = Deferred()
                self._hand_over(turn.callback, None)
                await turn
            return await method.handler(Visit(self._business, session, caller), params)

        def ended() -> None:
            session.in_flight -= 1
            self.in_flight -= 1

        session.in_flight += 1
        self.in_flight += 1
        work = Work(self._business.clock, run(), ended)
        try:
            return await work.answer(method.deadline_s)
        except DeadlinePassed:
            # The engine goes on, and keeps its place in the count until it ends.
            raise Fault(method.late, f"no answer within {method.deadline_s:g} s") from None

    def _hello(self, session: Session, params: HelloParams) -> Answer:
        if session.caller is not None:
            raise Fault("request.invalid", "the session is already open")
        caller = self._tokens.find(params.token)
        if caller is None:
            session.bad_tokens += 1
            log.warning("api.bad_token", peer=session.peer, connection=session.number, times=session.bad_tokens)
            raise Fault("access.bad_token")
        session.caller = caller
        session.charset = params.charset
        log.info(
            "api.session", account=caller.account, role=caller.role.value, peer=session.peer, connection=session.number
        )
        options = self._options
        return {
            "account": caller.account, "role": caller.role.value, "terminal": caller.terminal, "charset": params.charset,
            "version": self._business.version, "methods": methods_of(caller.role),
            "limits": {
                "line_bytes": options.line_bytes, "depth": options.depth, "in_flight": options.in_flight,
                "idle_timeout_s": options.idle_timeout_s,
            },
        }  # fmt: skip

    def _tell(self, session: Session, method: str, fault: Fault | None, began: float) -> None:
        seconds = self._business.clock.seconds() - began
        outcome = fault.code if fault else "ok"
        account = session.caller.account if session.caller else ""
        log.info(
            "api.request",
            method=method,
            outcome=outcome,
            account=account,
            connection=session.number,
            ms=round(seconds * 1000, 1),
        )
        self._observe(method, outcome, seconds)


def _where(exc: BaseException) -> str:
    """File and line of the innermost frame: enough to find it, and no local variable."""
    last = exc.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f"{last.tb_frame.f_code.co_name}:{last.tb_lineno}" if last else ""
