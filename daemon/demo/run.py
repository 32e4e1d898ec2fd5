"""Sets the stage, plays the scenes in a thread of their own, compares the books, and leaves."""

from __future__ import annotations

import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import structlog
from twisted.internet.defer import Deferred, ensureDeferred

from daemon.demo.books import compare, copied
from daemon.demo.counter import Window
from daemon.demo.kinds import KINDS
from daemon.demo.media import MEDIA, Media
from daemon.demo.paying import PAYING, Till
from daemon.demo.say import error, line
from daemon.demo.visits import SCENES, Show
from simulators.bank import BankSimulator
from simulators.bank.server import TEST_KEY
from simulators.his import HisSimulator
from simulators.pcscd import PcscdUnavailableError
from simulators.ports import free_port
from simulators.stage import DaemonDiedError, Stage


def main(directory: Path, *, keep: bool) -> int:
    """Play it; 0 when every scene went as it should and all books agree."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # the simulators' own chatter
    shutil.rmtree(directory, ignore_errors=True)
    bank = BankSimulator(reactor, free_port())
    media = Media(reactor, directory)
    pharmacy = HisSimulator(reactor, free_port(), "gb18030", numbered=True)
    door = free_port()  # nothing of the scenes comes in here: it is there to be tried
    settings = {"bank": _bank_settings(bank.start(), directory), "his.destinations.pharmacy": _pharmacy(pharmacy.start())}
    settings["mllp.his"] = {"port": door}
    stage = Stage(reactor, directory, settings=settings, overrides=media.start())
    result = [1]

    async def play() -> None:
        try:
            line("一卡通演示 / Yikatong demo: 真实 pcscd、MLLP、SOAP / real pcscd, MLLP and SOAP on loopback")
            await stage.start()
            result[0] = await _in_thread(reactor, _scenes, stage, bank, media, pharmacy, reactor)
            if keep and result[0] == 0:
                _say_where(stage, bank, door)
                await _until_interrupted(reactor)
        except (PcscdUnavailableError, DaemonDiedError) as exc:
            error(f"演示无法开始 / the demo cannot start: {exc}")
        except Exception:  # noqa: BLE001 - whatever a scene raised is the demo's verdict
            traceback.print_exc()
        finally:
            await stage.stop()
            await bank.stop()
            await media.stop()
            await pharmacy.stop()
            reactor.stop()

    reactor.callWhenRunning(lambda: ensureDeferred(play()))
    reactor.run()
    return result[0]


def _in_thread(reactor: Any, function: Any, *args: Any) -> Deferred[Any]:
    done: Deferred[Any] = Deferred()

    def work() -> None:
        try:
            value = function(*args)
        except BaseException as exc:  # noqa: BLE001 - a thread must hand over whatever ended it
            reactor.callFromThread(done.errback, exc)
        else:
            reactor.callFromThread(done.callback, value)

    threading.Thread(target=work, name="scenes", daemon=True).start()
    return done


def _bank_settings(port: int, directory: Path) -> dict[str, Any]:
    """The section [bank], and its MAC key where only the daemon reads it."""
    directory.mkdir(parents=True, exist_ok=True)
    key = (directory / "bank.key").resolve()
    key.touch(mode=0o600)
    key.write_text(TEST_KEY.hex(), encoding="ascii")
    return {"enabled": True, "port": port, "mac_key_file": str(key), "retry_first_s": 0.1, "reply_timeout_s": 5.0}


def _pharmacy(port: int) -> dict[str, Any]:
    """Another system that is told of what is settled: in GB18030, under sequence numbers."""
    return {
        "port": port, "encoding": "gb18030", "sequence_numbers": "ask", "events": ["settled", "cancelled"],
        "ack_timeout_s": 2.0, "retry_first_s": 0.2,
    }  # fmt: skip


def _scenes(stage: Stage, bank: BankSimulator, media: Media, pharmacy: HisSimulator, reactor: Any) -> int:
    began = time.monotonic()
    his = Window(stage.api_port, stage.tokens["his"], "his")
    pos = Window(stage.api_port, stage.tokens["pos"], "pos")
    show = Show(stage, reactor, his, pos, stage.reader_name())
    for play in (*SCENES, *KINDS):
        play(show)
    for pay in PAYING:
        pay(Till(show, bank))
    for shown in MEDIA:
        shown(show, media)
    line()
    line("── 对账 / the books, side by side")
    agree = compare(show) and copied(show, pharmacy)
    line(f"   用时 / took {time.monotonic() - began:.1f} s")
    return 0 if agree else 1


def _say_where(stage: Stage, bank: BankSimulator, door: int) -> None:
    line()
    line("── 保持运行，按 Ctrl-C 结束 / everything keeps running, Ctrl-C ends it")
    line(f"   socket API   127.0.0.1:{stage.api_port}  unix {stage.unix_path}")
    for role, token in stage.tokens.items():
        line(f"                {role:9s} token {token}")
    http = f"http://127.0.0.1:{stage.http_port}"
    line(f"   HTTP         {http}/health/full  {http}/metrics  {http}/feed/v1/settlements")
    line(f"   centre       {stage.centre.url}  ledger http://127.0.0.1:{stage.centre.port}/admin/ledger")
    line(f"   HIS (MLLP)   127.0.0.1:{stage.his_port} 模拟 HIS / simulated")
    line(f"   HL7 in       127.0.0.1:{door} 您的 HIS 发到这里 / your HIS sends here, [mllp.his]")
    line(f"   bank         127.0.0.1:{bank.port} (ISO 8583)")
    line(f"   reader       {stage.reader_name()}")
    line(f"   files        {stage.directory}")
    sys.stdout.flush()


def _until_interrupted(reactor: Any) -> Deferred[None]:
    """Fires at SIGINT or SIGTERM; until then nothing ends."""
    import signal

    done: Deferred[None] = Deferred()

    def fire(*_args: object) -> None:
        if not done.called:
            reactor.callFromThread(done.callback, None)

    signal.signal(signal.SIGINT, fire)
    signal.signal(signal.SIGTERM, fire)
    return done
