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
