"""The centre in the national platform's JSON: the standard library's ``json``, and nothing of the adapter.

It listens beside the SOAP service, on the same books. Its numbers are floats, as those of real centres are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from adapters.insurance.schema import Node, Type
from adapters.insurance.transactions import DECLARED
from simulators.centre.wire import Request

CALL_PATH = b"/fsi/api/rsfComIfsService/callService"
DOWNLOAD_PATH = b"/fsi/api/fileupload/download"
CONTENT_TYPE = b"application/json;charset=UTF-8"
DOWNLOAD = "9102"


class JsonSpeech:
    """JSON in, JSON out; see ``speech.Speech``."""

    def read(self, body: bytes) -> Request:
        """The message in the bytes, or ``ValueError`` that says what is wrong."""
        try:
            # Numbers stay as they were written, so that the books compare digits and not floats.
            whole = json.loads(body, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as exc:
            raise ValueError("not JSON") from exc
        if not isinstance(whole, dict) or not isinstance(whole.get("input"), dict):
            raise ValueError("no object with an input")  # noqa: TRY004 - one kind for every message that is none
        call = str(whole.get("infno", ""))
        if call not in DECLARED:
            raise ValueError("no such transaction")
        head = {name: str(value) for name, value in whole.items() if name != "input"}
        lists = {node.name for node in DECLARED[call].input if node.many}
        nodes: dict[str, list[Mapping[str, str]]] = {}
        for name, given in whole["input"].items():
            if isinstance(given, list) != (name in lists):
                raise ValueError(f"{name} is a list where an object belongs, or the reverse")
            rows = given if isinstance(given, list) else [given]
            if not all(isinstance(row, dict) for row in rows):
                raise ValueError(f"{name} holds no objects")
            nodes[name] = [{cell: "" if value is None else str(value) for cell, value in row.items()} for row in rows]
        return Request(call, head, nodes)

    def write(self, request: Request, head: Mapping[str, str], output: Any, *, astray: bool = False) -> bytes:
        """Its answer; ``astray``: under names in capitals, which no table has."""
        reply: dict[str, Any] = {"infcode": None, "inf_refmsgid": None, "err_msg": None, "output": None, **head}
        reply["infcode"] = int(reply["infcode"])
        if output is not None:
            reply["output"] = _output(DECLARED[request.call].output, output)
        if astray:
            reply = {name.upper(): value for name, value in reply.items()}
        return json.dumps(reply, ensure_ascii=False).encode()

    def wsdl(self, url: str) -> bytes:
        """There is none: the address is all."""
        return json.dumps({"url": url}).encode()


class DownloadSpeech(JsonSpeech):
    """The same where files are downloaded: the file itself, or JSON that says why there is none."""

    def write(self, request: Request, head: Mapping[str, str], output: Any, *, astray: bool = False) -> bytes:
        """The file's bytes."""
        if output is None or request.call != DOWNLOAD:
            return super().write(request, head, output, astray=astray)
        return base64.b64decode(output["fsDownloadOut"]["out"])


def _output(nodes: tuple[Node, ...], output: Any) -> Any:
    """Some transactions answer with a list and no node around it."""
    if isinstance(output, list):
        numbers = {spec.name for spec in nodes[0].fields if spec.type is Type.NUMBER}
        return [_row(row, numbers) for row in output]
    written = dict(output)
    for node in nodes:
        numbers = {spec.name for spec in node.fields if spec.type is Type.NUMBER}
        if not node.name:
            written = _row(written, numbers)
        elif isinstance(written.get(node.name), list):
            written[node.name] = [_row(row, numbers) for row in written[node.name]]
        elif node.name in written:
            written[node.name] = _row(written[node.name], numbers)
    return written


def _row(row: Mapping[str, Any], numbers: set[str]) -> dict[str, Any]:
    return {name: float(value) if name in numbers and value else value for name, value in row.items()}
