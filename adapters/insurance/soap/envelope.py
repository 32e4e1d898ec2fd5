"""The style with an operation for each transaction: fields to bytes by the WSDL's own types, bytes to fields.

Blocking; runs in the adapter's own threads. zeep judges the XML and does nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from zeep.helpers import serialize_object

from adapters.insurance.schema import Input, Row
from adapters.insurance.soap import replies, writer
from adapters.insurance.soap.contract import WSDL
from adapters.insurance.soap.stack import SoapFault, Stack, Tokens, Unreadable
from adapters.insurance.transactions import SERVICES, TRANSACTIONS
from middleware.domain.fault import Fault

_log = structlog.get_logger()

MAX_SHAPES = 4096  # a message or a reply of one shape more is left to zeep
OPERATION = "call{code}"  # of our own contract
_plain: Any = serialize_object


class Envelopes:
    """Messages of the dialect, written and read; a ``Style``.

    ``wsdl`` and ``operation`` ("{code}" stands for the transaction) are a centre's own contract, which must carry the
    tables' fields; ``ConfigError`` when it lacks an operation. Without them it is ours. Of queries and filings only those
    in ``services`` must be there. One object serves all threads.
    """

    def __init__(self, wsdl: Path = WSDL, operation: str = OPERATION, services: frozenset[str] = SERVICES) -> None:
        self._stack = Stack(wsdl)
        self._operation = operation
        asked = TRANSACTIONS.keys() - (SERVICES - services)
        self._actions = {code: self._stack.action(self._name(code)) for code in asked}
        self._ours = wsdl == WSDL  # our own writer and reader know our own names only
        self._agreed: dict[str, bool] = {}  # shape -> whether our own writer makes zeep's bytes of it
        self._alike: dict[replies.Shape, bool] = {}  # shape -> whether our own reader makes of it what zeep makes

    def _name(self, code: str) -> str:
        return self._operation.format(code=code)

    def action(self, code: str) -> str:
        """The SOAPAction of that transaction."""
        return self._actions[code]

    def write(self, code: str, head: Row, nodes: Input) -> bytes:
        """The message's bytes, the same for the same fields. ``Fault("centre.field")`` when the contract is broken.

        zeep writes the first of each shape; when our own writer makes the same bytes of it, it writes all others.
        """
        shape = writer.shape_of(code, head, nodes) if self._ours else None
        if shape is not None and self._agreed.get(shape):
            try:
                return writer.write(code, head, nodes)
            except ValueError as exc:
                raise Fault("centre.field", f"{code}: {type(exc).__name__} in the contract") from None
        written = self._write_by_zeep(code, head, nodes)
        if shape is not None and shape not in self._agreed and len(self._agreed) < MAX_SHAPES:
            self._agreed[shape] = writer.write(code, head, nodes) == written
            if not self._agreed[shape]:
                _log.warning("centre.writer_differs", call=code)
        return written

    def _write_by_zeep(self, code: str, head: Row, nodes: Input) -> bytes:
        given = {name: list(rows) if self._is_list(code, name) else rows[0] for name, rows in nodes.items()}
        return self._stack.write(self._name(code), code, **head, input=given)

    def read(self, code: str, body: bytes, message_id: str = "") -> Tokens | SoapFault:  # noqa: ARG002 - see ``Style``
        """The reply's fields, or ``Unreadable``; this envelope gives no message id back."""
        tokens = self._taken_apart(code, self._stack.parse(body))
        if isinstance(tokens, SoapFault):
            return tokens
        output = tokens.get("output")
        if TRANSACTIONS[code].is_list:
            output = {"": [row for row in output if row]} if output else None
        return Tokens(
            (tokens.get("infcode") or "").strip(),
            tokens.get("err_msg") or "",
            output if isinstance(output, dict) else None,
            (tokens.get("respond_time") or "").strip(),
        )

    def _taken_apart(self, code: str, document: Any) -> dict[str, Any] | SoapFault:
        """By zeep the first of each shape; when our own reader makes the same of it, it reads all others."""
        straight = replies.read(code, document) if self._ours else None
        if straight is not None and self._alike.get(straight.shape):
            return straight.fields
        result = self._stack.read(self._name(code), document)
        if isinstance(result, SoapFault):
            return result
        tokens = _plain(result, dict)
        if not isinstance(tokens, dict):
            raise Unreadable("no reply inside")
        if straight is not None and straight.shape not in self._alike and len(self._alike) < MAX_SHAPES:
            self._alike[straight.shape] = straight.fields == tokens
            if not self._alike[straight.shape]:
                _log.warning("centre.reader_differs", call=code)
        return tokens

    @staticmethod
    def _is_list(code: str, name: str) -> bool:
        return next(node.many for node in TRANSACTIONS[code].input if node.name == name)
