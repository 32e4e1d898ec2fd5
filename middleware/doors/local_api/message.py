"""JSON-RPC 2.0 messages: text -> Request, and answers -> lines."""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.doors.fault_data import MAX_DETAIL, fault_data
from middleware.doors.local_api.frame import check_depth

RequestId = str | int | None
MAX_ID_CHARACTERS = 64
MAX_ID = (1 << 53) - 1  # what every JSON reader can hold exactly
_MEMBERS = frozenset({"jsonrpc", "id", "method", "params"})


@frozen(slots=True)
class Request:
    """One well-formed request. ``params`` is an object, not yet checked against its method."""

    id: str | int
    method: str
    params: dict[str, Any]


class Unreadable(Exception):  # noqa: N818 - a pair of a fault and the id it answers, never seen outside dispatch
    """The message is not a request; ``fault`` says why, ``id`` is echoed when it could be read."""

    def __init__(self, fault: Fault, request_id: RequestId = None) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.id = request_id


def read_request(text: str, depth: int) -> Request:
    """One request, or ``Unreadable``. Batches and notifications are refused: each request has one answer."""
    try:
        check_depth(text, depth)
        message = msgspec.json.decode(text)
    except Fault as fault:
        raise Unreadable(fault) from fault
    except (msgspec.MsgspecError, RecursionError, ValueError) as exc:
        # The library's sentence names a place, never a value.
        raise Unreadable(Fault("request.not_json", str(exc)[:MAX_DETAIL])) from exc
    if isinstance(message, list):
        raise Unreadable(Fault("request.invalid", "batches are not taken: send one request a line"))
    if not isinstance(message, dict):
        raise Unreadable(Fault("request.invalid", "a request is an object"))
    request_id = _id_of(message)
    problem = _problem(message, request_id)
    if problem:
        raise Unreadable(Fault("request.invalid", problem), request_id)
    return Request(id=request_id or 0, method=message["method"], params=message.get("params", {}))


def _id_of(message: dict[str, Any]) -> RequestId:
    value = message.get("id")
    if isinstance(value, str) and 1 <= len(value) <= MAX_ID_CHARACTERS:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_ID:
        return value
    return None


def _problem(message: dict[str, Any], request_id: RequestId) -> str:
    if message.get("jsonrpc") != "2.0":
        return 'jsonrpc must be "2.0"'
    if request_id is None:
        return f"id must be text of 1 to {MAX_ID_CHARACTERS} characters or a whole number: every request has an answer"
    if not isinstance(message.get("method"), str):
        return "method must be text"
    if not isinstance(message.get("params", {}), dict):
        return "params must be an object"
    return "a request has jsonrpc, id, method, params and nothing else" if message.keys() - _MEMBERS else ""


def result_line(request_id: RequestId, result: object, charset: str) -> bytes:
    """The answer of a request that was carried out."""
    return _line({"jsonrpc": "2.0", "id": request_id, "result": result}, charset)


def error_line(request_id: RequestId, fault: Fault, charset: str) -> bytes:
    """The answer of a request that was not: number and English for JSON-RPC, everything else in data."""
    error = {"code": fault.spec.number, "message": fault.spec.en, "data": fault_data(fault)}
    return _line({"jsonrpc": "2.0", "id": request_id, "error": error}, charset)


def notification_line(method: str, params: dict[str, Any], charset: str) -> bytes:
    """Something that happened; it has no id and wants no answer."""
    return _line({"jsonrpc": "2.0", "method": method, "params": params}, charset)


def _line(message: dict[str, Any], charset: str) -> bytes:
    raw = msgspec.json.encode(message)
    return (raw if charset == "UTF-8" else raw.decode().encode(charset)) + b"\n"
