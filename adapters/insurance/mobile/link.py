"""The channel of mobile payment on its wire: one sealed POST a message, and what its answer stands for.

Deadlines, evidence and late replies are those of every link to the centre (``exchange.link``); here is what differs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve
from twisted.internet.threads import deferToThreadPool

from adapters.insurance.exchange import faults
from adapters.insurance.exchange.cells import BadValue, Incomplete, NotOurs
from adapters.insurance.exchange.frame import MAX_REFUSAL_TEXT, HttpReply, Unusable
from adapters.insurance.exchange.link import CentreLink, End, Prepared
from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.exchange.wire import Message
from adapters.insurance.mobile.messages import acknowledgement, notice, read, written
from adapters.insurance.mobile.options import MobileOptions
from adapters.insurance.profile import Profile
from adapters.insurance.profile_mobile import BY_APPLICATION, MobileForm
from adapters.insurance.signing.credentials import read_secret
from adapters.insurance.signing.openssl import OpenSslSigningKey, OpenSslVerifyingKey
from adapters.insurance.signing.voucher import NotGenuine, Voucher
from middleware.domain.centre import CentreRequest, call_of
from middleware.domain.fault import Fault
from middleware.domain.health import PartHealth
from middleware.domain.mobile import OrderRequest, OrderStands, UploadBill
from middleware.domain.outcome import Answered, Outcome, Refused, Unknown
from middleware.ports import PreparedCall

_OK = 200
_HEADERS = (("Content-Type", "application/json; charset=utf-8"),)


class MobileLink(CentreLink):
    """The ``Centre`` port for requests about orders, and the reader of notices (``Notices``)."""

    def __init__(
        self,
        options: MobileOptions,
        centre: CentreOptions,
        reactor: Any,
        now: Callable[[], dt.datetime],
        profile: Profile,
    ) -> None:
        own = evolve(
            centre,
            url=options.url,
            ca_file=options.ca_file,
            total_deadline_s=options.total_deadline_s,
            late_reply_s=options.late_reply_s,
            max_in_flight=options.max_in_flight,
        )
        super().__init__(own, reactor, now, profile, _NoDialect())
        self._form: MobileForm = profile.mobile
        self._voucher = _voucher(options, profile.mobile)

    def health(self) -> PartHealth:
        """How the last message fared."""
        return evolve(super().health(), part="mobile")

    def _make(self, message_id: str, request: CentreRequest, at: dt.datetime, _sign_number: str, /) -> PreparedCall:
        """In a thread of our own: check, write, seal."""
        if not isinstance(request, OrderRequest):
            raise TypeError("the channel of mobile payment carries orders only")
        if isinstance(request, UploadBill):
            request = evolve(request, fee_type=self._form.fee_type)
        call = call_of(request)
        body = self._voucher.seal(written(request, self.options.institution_code, self.profile.site_rules), at)
        if len(body) > self.options.max_body_bytes:
            raise Fault("centre.field", f"{call}: the message is longer than {self.options.max_body_bytes} bytes")
        message = Message(body, _HEADERS, self._form.paths.get(call.value, call.value))
        return PreparedCall(message_id, call, hashlib.sha256(body).hexdigest(), Prepared(message, request, at))

    def _understand(self, call: PreparedCall, reply: HttpReply) -> tuple[End, str]:
        return understood(call.body.request, reply, self._voucher.unseal), ""

    # -- notices
    async def read_notice(self, body: bytes) -> OrderStands:
        """What a 6302 says; ``mobile.not_genuine`` for what the channel did not seal for us, or cannot be read."""
        stands: OrderStands = await deferToThreadPool(self._reactor, self._threads, self._notice, body)
        return stands

    def _notice(self, body: bytes) -> OrderStands:
        try:
            found = notice(self._voucher.unseal(body))
        except (NotGenuine, Incomplete, NotOurs, BadValue) as exc:
            raise Fault("mobile.not_genuine", f"{type(exc).__name__} {exc}") from None
        if not found.our_number:
            raise Fault("mobile.not_genuine", "Incomplete medOrgOrd")
        return found

    def answer(self, *, taken: bool) -> bytes:
        """What a notice is answered with."""
        return json.dumps(acknowledgement(taken=taken), ensure_ascii=False).encode()


class _NoDialect:
    """The link writes and reads by itself."""

    def write(self, *_: Any) -> Message:
        raise AssertionError

    def understand(self, *_: Any) -> Any:
        raise AssertionError


def _voucher(options: MobileOptions, form: MobileForm) -> Voucher:
    secret = read_secret(options.app_secret, "mobile.app_secret").decode("latin-1")
    ours = OpenSslSigningKey(read_secret(options.signing_key, "mobile.signing_key"), "mobile.signing_key")
    theirs = OpenSslVerifyingKey(read_secret(options.channel_key, "mobile.channel_key"), "mobile.channel_key")
    user_id = secret if form.user_id == BY_APPLICATION else form.user_id
    return Voucher(options.app_id, secret, ours, theirs, user_id.encode())


def understood(request: OrderRequest, reply: HttpReply, unseal: Callable[[bytes], Mapping[str, Any]]) -> Outcome[Any]:
    """The outcome that a whole answer stands for. A refusal is not sealed (insurance.md 1.3): it is asked about by 6301."""
    if reply.status != _OK:
        return faults.of_unusable(Unusable("http-status", str(reply.status)))
    if (refusal := _refusal(reply.body)) is not None:
        return refusal
    try:
        return Answered(read(request, unseal(reply.body)))
    except NotGenuine as exc:
        return Unknown("unreadable", str(exc))
    except Incomplete as exc:
        return Unknown("incomplete", str(exc))
    except NotOurs as exc:
        return Unknown("not-ours", str(exc))
    except BadValue as exc:
        return Unknown("unreadable", str(exc))


def _refusal(body: bytes) -> Refused | None:
    """``{"success": false, "code": ..., "message": ...}``, and nothing sealed beside it."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or answer.get("success") is not False or "encData" in answer:
        return None
    code = answer.get("code")
    if isinstance(code, bool) or not isinstance(code, int | str) or not str(code):
        return None
    return Refused(str(code)[:32], str(answer.get("message") or "")[:MAX_REFUSAL_TEXT])
