"""The insurance centre over SOAP: the one link with the dialect of envelopes and Faults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from adapters.insurance.exchange import faults
from adapters.insurance.exchange.cells import NotOurs
from adapters.insurance.exchange.dialect import Reading
from adapters.insurance.exchange.frame import GatewayRefusal, HttpReply, Unusable
from adapters.insurance.exchange.link import CentreLink, End
from adapters.insurance.exchange.meaning import meaning
from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.exchange.wire import Message
from adapters.insurance.profile import Profile, load_profile
from adapters.insurance.schema import Input, Row
from adapters.insurance.signing.opening import Signers
from adapters.insurance.soap.frame import judge
from adapters.insurance.soap.stack import SoapFault, Tokens, Unreadable
from adapters.insurance.soap.style import Style, style_of
from middleware.domain.centre import Call
from middleware.domain.outcome import Unknown

CONTENT_TYPE = "text/xml; charset=utf-8"


class SoapDialect:
    """Messages as SOAP 1.1 envelopes, in one of three styles; a ``Dialect``."""

    def __init__(self, switches: faults.Switches, style: Style) -> None:
        self._switches = switches
        self._style = style

    def write(self, code: str, head: Row, nodes: Input) -> Message:
        """See ``Dialect``."""
        headers = (("Content-Type", CONTENT_TYPE), ("SOAPAction", f'"{self._style.action(code)}"'), ("Accept", "text/xml"))
        return Message(self._style.write(code, head, nodes), headers)

    def understand(self, call: Call, message_id: str, reply: HttpReply, read: Reading) -> tuple[End, str]:
        """See ``Dialect``."""
        tokens = self._read(call, message_id, reply)
        if not isinstance(tokens, Tokens):
            return tokens, ""
        return meaning(call, tokens.code, tokens.message, tokens.output, read), tokens.said_at

    def _read(self, call: Call, message_id: str, reply: HttpReply) -> End | Tokens:
        judged = judge(reply)
        if isinstance(judged, Unusable):
            return faults.of_unusable(judged)
        if isinstance(judged, GatewayRefusal):
            return faults.of_gateway(judged, self._switches)
        try:
            read = self._style.read(call.value, judged.body, message_id)
        except Unreadable as exc:
            return Unknown("unreadable", str(exc))
        except NotOurs as exc:
            return Unknown("not-ours", str(exc))
        if isinstance(read, SoapFault):
            return faults.of_soap_fault(read.code, self._switches)
        if judged.fault_only:
            return Unknown("http-status", "500 without a Fault")
        return read


class SoapCentre(CentreLink):
    """The ``Centre`` port over SOAP.

    Without a ``profile`` the region's file named in the options is read; ``ConfigError`` when it cannot be used.
    """

    def __init__(
        self,
        options: CentreOptions,
        reactor: Any,
        now: Callable[[], dt.datetime],
        profile: Profile | None = None,
        signers: Signers | None = None,
    ) -> None:
        used = load_profile(options.profile) if profile is None else profile
        switches = faults.Switches(options.gateway_401_is_refusal, frozenset(used.refusing_fault_codes))
        super().__init__(options, reactor, now, used, SoapDialect(switches, style_of(used)), signers)
