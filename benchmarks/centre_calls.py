"""``python -m benchmarks.centre_calls SECONDS``: our CPU for one centre call, by style, against the libraries underneath.

A call is a 2207 with a settlement of two funds: checked by the tables, written, posted, read, judged. The centre is a
process of its own that says the same each time. Underneath are the library that makes and reads such bytes (zeep, or
``json``) and Twisted's HTTP client posting the very same bytes; both are measured in the same process, in turns with ours.
"""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import datetime as dt
import io
import json
import secrets
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from attrs import fields
from lxml import etree
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers

from adapters.insurance.exchange.link import CentreLink
from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.opening import centre_of
from adapters.insurance.profile import Profile, load_profile
from adapters.insurance.soap.contract import WSDL
from adapters.insurance.soap.stack import Stack
from adapters.insurance.soap.style import OURS
from adapters.insurance.transactions import TRANSACTIONS
from benchmarks.machine import median
from daemon.conformance.stand import simulatable, speech_of
from middleware.domain.centre import CounterRequest, Holder, PreSettle, Settle, UploadCharges, UploadVisit, VisitFacts
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from middleware.domain.money import ZERO, Money
from middleware.domain.outcome import Answered
from middleware.domain.split import Split
from simulators.centre.national import JsonSpeech
from simulators.centre.speech import TypedSpeech
from simulators.people import PEOPLE
from simulators.stage import INSTITUTION, ROOT

reactor: Any = _reactor
TURNS, IN_FLIGHT = 3, 8
MANY, SLOW_S = 100, 0.05
AT = dt.datetime(2026, 3, 2, 9, 30, 15, tzinfo=dt.timezone(dt.timedelta(hours=8)))
MESSAGE_ID = f"{INSTITUTION}202603020930150000"
XML, JSON = "text/xml; charset=utf-8", "application/json"
SIGNED = "national, signed"  # by a gateway's headers and an SM2 signature
STYLES = {  # style -> profile
    "soap": "999900-test",
    "soap-process": "999900-process",
    "soap-string": "999900-string",
    "national": "999900-national",
    SIGNED: "999900-national",
}
HEAD = {"infcode": "0", "inf_refmsgid": "999900202603020930160000000001", "respond_time": "20260302093016123"}
AMOUNTS = {
    "medfee_sumamt": "60.37", "fulamt_ownpay_amt": "1.00", "overlmt_selfpay": "4.87", "preselfpay_amt": "0",
    "inscp_scp_amt": "54.50", "act_pay_dedc": "0", "hifp_pay": "38.79", "pool_prop_selfpay": "0.7", "cvlserv_pay": "0",
    "hifes_pay": "0", "hifmi_pay": "0", "hifob_pay": "0", "maf_pay": "0", "hifdm_pay": "0", "oth_pay": "0",
    "fund_pay_sumamt": "38.79", "psn_part_amt": "21.58", "acct_pay": "20.00", "psn_cash_pay": "1.58", "hosp_part_amt": "0",
    "balc": "100.00", "acct_mulaid_pay": "0",
}  # fmt: skip
FUND = {"inscp_scp_amt": "54.50", "crt_payb_lmt_amt": "0"}
OUTPUT: dict[str, Any] = {
    "setlinfo": {
        "mdtrt_id": "V1", "setl_id": "J1", "psn_no": "P1", "setl_time": "2026-03-02 09:30:16", **AMOUNTS,
        "medins_setl_id": MESSAGE_ID, "clr_optins": "999900", "clr_way": "1", "clr_type": "11",
    },
    "setldetail": [
        {"fund_pay_type": "310100", **FUND, "fund_payamt": "38.79", "fund_pay_type_name": "统筹"},
        {"fund_pay_type": "310200", **FUND, "fund_payamt": "20.00", "fund_pay_type_name": "账户"},
    ],
}  # fmt: skip


CHARGE = {
    "feedetl_sn": "202603020930150000000001", "det_item_fee_sumamt": "12.07", "cnt": "1", "pric": "12.07",
    "pric_uplmt_amt": "0", "selfpay_prop": "0", "fulamt_ownpay_amt": "0.00", "overlmt_amt": "0.00",
    "preselfpay_amt": "0.00", "inscp_scp_amt": "12.07", "chrgitm_lv": "01", "med_chrgitm_type": "02", "lmt_used_flag": "0",
}  # fmt: skip
LINES = 5


def a_bill() -> list[tuple[CounterRequest, dict[str, Any] | None]]:
    """The four calls of a quote and settle of five lines, and what the centre says to each."""
    settle = a_settle()
    visit, holder = settle.visit, settle.holder
    price = Money.parse("12.07")
    lines = tuple(
        ChargeLine(
            f"L{place}", "XA02OMEP0020", "H-OMEP", "奥美拉唑肠溶胶囊", Decimal("12.07"), Decimal(1), price, AT, "0301",
            "呼吸内科", "D3301001", "李医生",
        )
        for place in range(LINES)
    )  # fmt: skip
    diagnoses = (Diagnosis("J06.900", "急性上呼吸道感染"),)
    return [
        (UploadVisit(visit, AT, diagnoses, "呼吸内科", "D3301001", "李医生"), None),
        (UploadCharges(visit, "B1", lines), {"result": [CHARGE] * LINES}),
        (PreSettle(visit, holder, "B1", settle.total, use_account=True), OUTPUT),
        (settle, OUTPUT),
    ]


def a_settle() -> Settle:
    """A synthetic employee's bill."""
    who = PEOPLE["employee"]
    holder = Holder(
        IdNumber(who.id_number), PersonName(who.name), CardNumber(who.card_number), CardIdCode(who.card_id_code),
        who.sex, who.nation, who.birth_date,
    )  # fmt: skip
    quoted = Split(**{one.name: ZERO for one in fields(Split) if one.name != "funds"})
    visit = VisitFacts("P1", "V1", "310", "11", "999900", "11")
    return Settle(visit, holder, "B1", Money(6037), use_account=True, quoted=quoted)


def profile_of(style: str) -> Profile:
    """That style's, without what only a site can have unless it is to be signed."""
    profile = load_profile(STYLES[style])
    return profile if style == SIGNED else simulatable(profile)


def options_of(port: int, folder: Path) -> CentreOptions:
    """The site's part of it."""
    return CentreOptions(
        url=f"http://127.0.0.1:{port}/",
        institution_code=INSTITUTION,
        institution_name="示例医院",
        profile="benchmark",
        operator="0001",
        operator_name="操作员",
        gateway_id="AK",
        gateway_secret=str(folder / "gateway"),
        signing_key=str(folder / "key.pem"),
    )


async def cpu_of(once: Callable[[], Any], seconds: float, at_a_time: int = IN_FLIGHT) -> float:
    """Milliseconds of this process's CPU for one."""
    end, done = time.monotonic() + seconds, 0

    async def worker() -> None:
        nonlocal done
        while time.monotonic() < end:
            await once()
            done += 1

    began = time.process_time()
    await gatherResults([ensureDeferred(worker()) for _ in range(at_a_time)])
    return (time.process_time() - began) / done * 1e3


async def ours(centre: CentreLink) -> None:
    """One call as the engine makes it."""
    prepared = await centre.prepare(MESSAGE_ID, a_settle(), AT)
    outcome = await centre.send(prepared, lambda: None, lambda _late: None)
    if not isinstance(outcome, Answered):
        raise TypeError(f"the call was not answered: {outcome}")


class Bare:
    """The libraries underneath: the one that makes and reads such bytes, and Twisted's HTTP client."""

    def __init__(self, style: str, url: str, kind: str, body: bytes, reply: bytes) -> None:
        self._agent: Any = Agent(reactor, pool=HTTPConnectionPool(reactor))
        self._url, self._headers = url.encode(), Headers({b"Content-Type": [kind.encode()]})
        self._body, self._reply = body, reply
        self.library: Callable[[], None] = (
            partial(_by_json, json.loads(body), reply) if kind == JSON else _by_zeep(style, body, reply)
        )

    async def once(self) -> None:
        """Both."""
        self.library()
        await self.post()

    async def post(self) -> None:
        """Twisted's part."""
        producer: Any = FileBodyProducer(io.BytesIO(self._body))
        response = await self._agent.request(b"POST", self._url, self._headers, producer)
        await readBody(response)


def _by_json(message: Mapping[str, Any], reply: bytes) -> None:
    json.dumps(message, ensure_ascii=False).encode()
    json.loads(reply)


def _by_zeep(style: str, body: bytes, reply: bytes) -> Callable[[], None]:
    """Zeep serialising the same parts, and reading the reply."""
    profile = profile_of(style)
    called = etree.fromstring(body).find("{http://schemas.xmlsoap.org/soap/envelope/}Body/*")
    assert called is not None
    if profile.dialect == "soap":
        stack = Stack(WSDL)
        request = TypedSpeech().read(body)
        operation = f"call{request.call}"
        many = {node.name for node in TRANSACTIONS[request.call].input if node.many}
        rows = {name: list(given) if name in many else given[0] for name, given in request.nodes.items()}
        parts: dict[str, Any] = {**request.head, "input": rows}
    else:
        stack, operation = Stack(OURS[profile.dialect]), profile.soap.operation_of(profile.dialect)
        parts = {etree.QName(called[0]).localname: called[0].text}

    def once() -> None:
        stack.write(operation, operation, **parts)
        stack.read(operation, stack.parse(reply))

    return once


@contextmanager
def peer_of(kind: str, reply: bytes, after_s: float = 0.0) -> Iterator[int]:
    """A centre that says that, so long after it was asked; its port."""
    command = [sys.executable, "-m", "benchmarks.centre_peer"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        peer.stdin.write(json.dumps({"kind": kind, "body": reply.decode(), "after_s": after_s}).encode() + b"\n")
        peer.stdin.flush()
        yield int(peer.stdout.readline())
        peer.stdin.close()


async def row_of(style: str, folder: Path, seconds: float) -> dict[str, Any]:
    """One style: medians of our CPU and the libraries', in turns, so that a neighbour's burst hits both."""
    profile = profile_of(style)
    kind, body, reply = await said_by(profile, folder)
    with peer_of(kind, reply) as port:
        centre = centre_of(options_of(port, folder), reactor, lambda: AT, profile)
        centre.start()
        bare = Bare(style, f"http://127.0.0.1:{port}/", kind, body, reply)
        found: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(TURNS + 1):  # the first warms up
            found["ours"].append(await cpu_of(partial(ours, centre), seconds))
            found["bare"].append(await cpu_of(bare.once, seconds))
        await centre.stop()
    figures = {name: median(values[1:]) for name, values in found.items()}
    return {"style": style, "bytes": len(body), **figures, "ratio": figures["ours"] / figures["bare"]}


async def said_by(
    profile: Profile, folder: Path, request: CounterRequest | None = None, output: Any = OUTPUT
) -> tuple[str, bytes, bytes]:
    """What such a centre is told and says: content type, message and reply; of a settlement without a ``request``."""
    kind, spoken = (JSON, JsonSpeech()) if profile.dialect == "national" else (XML, speech_of(profile))
    centre = centre_of(options_of(1, folder), reactor, lambda: AT, profile)
    centre.start()
    body = (await centre.prepare(MESSAGE_ID, request or a_settle(), AT)).body.message.body
    await centre.stop()
    return kind, body, spoken.write(spoken.read(body), HEAD, output)


async def slow_rate(folder: Path, seconds: float) -> dict[str, Any]:
    """Calls a second, a hundred in flight, to a centre that takes 50 ms; and what the CPU of ours alone would allow."""
    profile = profile_of("soap")
    kind, _, reply = await said_by(profile, folder)
    with peer_of(kind, reply, SLOW_S) as port:
        centre = centre_of(options_of(port, folder), reactor, lambda: AT, profile)
        centre.start()
        await cpu_of(partial(ours, centre), seconds / 4, MANY)
        began, done = time.monotonic(), 0

        async def once() -> None:
            nonlocal done
            await ours(centre)
            done += 1

        cpu_ms = await cpu_of(once, seconds, MANY)
        rate = done / (time.monotonic() - began)
        await centre.stop()
    return {"in_flight": MANY, "rate": rate, "ours": cpu_ms}


def make_secrets(folder: Path) -> None:
    """A gateway's secret and an SM2 key, for this run only."""
    (folder / "gateway").write_text(secrets.token_hex(16), encoding="ascii")
    command = ["openssl", "ecparam", "-genkey", "-name", "SM2", "-noout", "-out", str(folder / "key.pem")]
    subprocess.run(command, check=True, capture_output=True)
    for file in folder.iterdir():
        file.chmod(0o400)


def make_quiet() -> None:
    """No line a call."""
    warnings.filterwarnings("ignore", message="Using readBody")  # of a reply that came whole
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


async def measure(seconds: float) -> None:
    """All styles, then the slow centre, a line of JSON each."""
    with tempfile.TemporaryDirectory() as name:
        make_secrets(Path(name))
        for style in STYLES:
            print(json.dumps(await row_of(style, Path(name), seconds / len(STYLES) / (TURNS + 1) / 2)), flush=True)
        print(json.dumps(await slow_rate(Path(name), seconds / 6)), flush=True)


def main() -> int:
    """Measure; 1 when it could not be."""
    make_quiet()
    failed = []
    done: Deferred[None] = ensureDeferred(measure(float(sys.argv[1])))
    done.addErrback(failed.append)
    done.addBoth(lambda _: reactor.stop())
    reactor.run()
    for failure in failed:
        failure.printTraceback(sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
