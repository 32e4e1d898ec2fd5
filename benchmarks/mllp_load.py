"""``python -m benchmarks.mllp_load PORT CONNECTIONS SECONDS``: one message in flight a connection; one line of JSON.

Every answer must say AA and name the message just sent, or the run fails: a server that answers wrong is not fast.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from benchmarks.machine import percentile

WARM_S = 0.3
_HEAD = b"MSH|^~\\&|HIS|H1|YKT|H1|20261121090000||ADT^A04^ADT_A01|"
_TAIL = (
    "|P|2.4|||||CHN|UNICODE UTF-8\rEVN|A04|20261121090000\r"
    "PID|1|C0001234|C0001234^^^^IDCard~A12345678^^^^Card_No~^^^^IdentifyNO||测试一^^^^^^L||19800101|M|||"
    "测试市测试区测试路1号^^测试市^^410000^CN^H||^^^^^^13000000000|||M||V0001234|A12345678||||||||||||2^普通医保\r"
    "PV1|1|O|0301^呼吸内科^1诊室||||D0001^李医生|||||||02||||D0001^李医生|02|V20261121000001|||||||||||||||||||||||||20261121090000\r"
).encode()
_FILL = b"ZPI|" + b"x" * (1024 - len(_HEAD) - len(_TAIL) - 30) + b"\r"


def message(control_id: bytes) -> bytes:
    """An ADT^A04 of 1 KB in its block."""
    return b"\x0b" + _HEAD + control_id + _TAIL + _FILL + b"\x1c\r"


class Load(asyncio.Protocol):
    """One connection: sends the next message when the last was answered."""

    def __init__(self, number: int, took: list[float], failed: asyncio.Future[None]) -> None:
        self._number = number
        self._took = took
        self._failed = failed
        self._count = 0
        self._answer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        self._count += 1
        self._id = b"B%05d.%09d" % (self._number, self._count)
        self._began = time.perf_counter()
        self._transport.write(message(self._id))

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of one."""
        self._answer += data
        if not self._answer.endswith(b"\x1c\r"):
            return
        said = b"MSA|AA|" + self._id
        if not (said + b"\r" in self._answer or said + b"|" in self._answer) and not self._failed.done():
            self._failed.set_exception(ValueError(f"wrong answer: {self._answer[:300]!r}"))
            return
        self._took.append(time.perf_counter() - self._began)
        self._answer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed."""
        if not self._failed.done():
            self._failed.set_exception(ConnectionError(f"closed by the server: {exc}"))


async def measure(port: int, connections: int, seconds: float) -> dict[str, float]:
    """messages_per_s, p50_ms, p99_ms after a warm-up."""
    loop = asyncio.get_running_loop()
    took: list[float] = []
    failed: asyncio.Future[None] = loop.create_future()
    for number in range(connections):
        await loop.create_connection(lambda number=number: Load(number, took, failed), "127.0.0.1", port)
    await asyncio.wait([failed], timeout=min(WARM_S, seconds / 3))
    warm = len(took)
    took.clear()
    began = time.perf_counter()
    await asyncio.wait([failed], timeout=seconds)
    if failed.done():
        await failed
    rate = len(took) / (time.perf_counter() - began)
    result = {"messages_per_s": rate, "p50_ms": percentile(took, 0.5) * 1e3, "p99_ms": percentile(took, 0.99) * 1e3}
    result["messages"] = float(warm + len(took))
    failed.cancel()
    return result


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))))
