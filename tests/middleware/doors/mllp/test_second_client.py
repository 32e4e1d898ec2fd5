"""A second engine's client at our door: python-hl7's, over a real connection in a thread of its own."""

from __future__ import annotations

import hl7 as python_hl7
import pytest_twisted
from hl7.client import MLLPClient
from twisted.internet.threads import deferToThread

from tests.middleware.doors.mllp.rig import hl7
from tests.middleware.doors.mllp.test_queries import FACTS, QPD, listening


@pytest_twisted.ensureDeferred
async def test_python_hl7s_client_is_acknowledged_and_reads_our_response(site):
    one = listening(site, [FACTS])

    def talk():
        with MLLPClient("127.0.0.1", one.port, encoding="utf-8") as client:
            texts = (hl7("C1"), hl7("Q1", body=QPD, kind="QBP^Q22", version="2.5"))
            replies = [client.send_message(python_hl7.parse(text)).decode().strip("\x0b\x1c\r") for text in texts]
        return [python_hl7.parse(reply) for reply in replies]

    ack, response = await deferToThread(talk)
    assert (str(ack.segment("MSA")[1]), str(ack.segment("MSA")[2])) == ("AA", "C1")
    assert str(response.segment("MSH")[9]) == "RSP^K22^RSP_K22"
    assert str(response.segment("PID")[5]) == "测试甲"


@pytest_twisted.ensureDeferred
async def test_python_hl7s_client_charges_repeats_speaks_gb18030_and_enhanced_mode(site):
    one = site()
    pid = "PID|1||P1^^^^PI||测试甲\r"
    charges = hl7("F1", body=f"{pid}FT1|1|L1||20261122||CG|H01^血常规^L^XA01|||1|10.00|10.00|01^内科\r", kind="DFT^P03")

    def talk(encoding, *texts):
        with MLLPClient("127.0.0.1", one.port, encoding=encoding) as client:
            return [client.send_message(python_hl7.parse(text)).decode(encoding).strip("\x0b\x1c\r") for text in texts]

    def said(replies):
        return [tuple(str(field) for field in python_hl7.parse(reply).segment("MSA")[1:3]) for reply in replies]

    told = await deferToThread(
        talk, "utf-8", charges, charges, charges.replace("10.00", "11.00"), hl7("E1", body=pid, modes="AL|NE")
    )
    assert said(told) == [("AA", "F1"), ("AA", "F1"), ("AR", "F1"), ("CA", "E1")]
    assert told[0] == told[1]  # the stored answer, byte for byte
    wide = await deferToThread(talk, "gb18030", hl7("G1", body=pid, charset="GB 18030-2000"), hl7("G2", body=pid))
    assert said(wide) == [("AA", "G1"), ("AR", "G2")]
    assert one.whys() == ["", "hl7.reused", "", "", "hl7.charset"]
    assert one.rows()[3][1].decode("gb18030").rstrip("\r").endswith("测试甲")
