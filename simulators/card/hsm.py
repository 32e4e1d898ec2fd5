"""The bureau's HSM as a small HTTP service: what a HIS asks between the two steps, in the fields that step 1 gives it.

POST a JSON object to /: ``business`` (read, proof, reload, unblock, debit), ``step1`` (the text of step 1), for a reload
``pin`` (the digits) and for a debit ``pin`` (the moment, yyyymmddhhmmss). The answer is ``{"pKey": "..."}``, to be given
to the next step as it is. The wire between a HIS and a real HSM is each province's own; only the fields are public.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import define

from simulators.card import keys

SM4 = "03"


@define
class HsmFaults:
    """Knobs; may be turned while it runs."""

    refuse: bool = False  # 503
    wrong: bool = False  # its keys are another issuer's
    short: bool = False  # pKey is cut short


class _Material:
    """What step 1 said, as keys."""

    def __init__(self, algorithm: str, region: str, historical: str) -> None:
        self.sm4 = algorithm == SM4
        self._region = region
        self._factor = bytes.fromhex(historical)[-keys.FACTOR :]

    def key(self, reference: int) -> bytes:
        return keys.card_key(reference, self._region, self._factor, sm4=self.sm4)

    def computed(self, reference: int, factor: str, source: str) -> str:
        key = keys.diversified(self.key(reference), (bytes.fromhex(factor),), sm4=self.sm4)
        return keys.computed(key, bytes.fromhex(source), sm4=self.sm4).hex().upper()


def answer_of(business: str, step1: str, pin: str = "", card: str = "", *, wrong: bool = False) -> str:
    """The pKey for one step. ``card``: "region|historical bytes|", for steps whose own text does not name the card."""
    fields = step1.removesuffix("|").split("|")
    off = 0x300 if wrong else 0
    if business == "read":  # the nine fields of step 1
        region, historical, algorithm, _code, factor, source, external, challenge, _terminal = fields
        material = _Material(algorithm, region, historical)
        internal = material.computed(keys.KeyRef.IRK + off, factor, source)
        proof = material.computed(keys.KeyRef.RKSSSE + off, external, challenge)
        return f"{internal}{source}|{proof}{external}"
    region, historical = card.rstrip("|").split("|")
    algorithm, address = fields[0], fields[1]
    material = _Material(algorithm, region, historical)
    if business == "proof":  # algorithm, key address, factor, source
        reference = keys.KeyRef.RELOAD if address == "0090" else int(address, 16)
        return material.computed(reference + off, fields[2], fields[3]) + fields[2]
    if business == "debit":  # the eight fields of step 1; ``pin``: the moment
        random, counter, amounts, kind = (bytes.fromhex(one) for one in (*fields[2:4], "".join(fields[4:6]), fields[6]))
        number = bytes.fromhex("000A0001")
        key = keys.debit_key(material.key(keys.KeyRef.DEBIT + off), random, counter, number, sm4=material.sm4)
        text = amounts + kind + bytes.fromhex(fields[7] + pin)
        return f"{number.hex().upper()}|{pin}|{keys.mac(key, b'', text, sm4=material.sm4).hex().upper()}|"
    header = bytes.fromhex(fields[3])
    puk = keys.diversified(material.key(keys.KeyRef.PUK + off), (bytes.fromhex(fields[2]),), sm4=material.sm4)
    data = keys.pin_block(puk, pin, sm4=material.sm4) if business == "reload" else b""
    whole = header[:4] + bytes((len(data) + 4,))
    return (data + keys.mac(puk, whole, data, sm4=material.sm4)).hex().upper()


class Hsm:
    """The service on a port of its own, in a thread."""

    def __init__(self, port: int = 0) -> None:
        self.faults = HsmFaults()
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(question["business"])
                self._say(*outer.answer(question))

            def _say(self, status: int, answer: dict[str, Any]) -> None:
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing: a request holds what belongs to a card."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, name="hsm", daemon=True)
        self._thread.start()

    def answer(self, question: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Status and body."""
        if self.faults.refuse:
            return 503, {"error": "the HSM is out of service"}
        made = answer_of(
            question["business"], question["step1"], question.get("pin", ""), question.get("card", ""),
            wrong=self.faults.wrong,
        )  # fmt: skip
        return 200, {"pKey": made[:20] if self.faults.short else made}

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="simulators.card.hsm", description="An HSM with invented keys, over HTTP.")
    parser.add_argument("--port", type=int, default=12380)
    hsm = Hsm(parser.parse_args().port)
    print(f"HSM at {hsm.url}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    hsm.close()


if __name__ == "__main__":
    main()
