from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
from twisted.logger import Logger, globalLogPublisher
from twisted.python import log as legacy
from twisted.python.failure import Failure

from middleware.domain.fault import Fault
from middleware.ops import logs
from middleware.ops.logs import LogOptions, configure_logs

PERSON = "张三丰"
NUMBER = "110101199003070396"


@pytest.fixture(autouse=True)
def unbridged():
    """Twisted is not left talking into other tests."""
    yield
    globalLogPublisher.removeObserver(logs._observer)


@pytest.fixture
def lines():
    stream = io.StringIO()
    root, before = logging.getLogger(), structlog.get_config()
    level, handlers = root.level, list(root.handlers)
    configure_logs(LogOptions(), stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


def broken() -> None:
    raise ValueError(f"cannot read {PERSON} {NUMBER}")


def test_three_sources_go_one_way_and_are_redacted_alike(lines):
    structlog.get_logger().info("ours", id_number=NUMBER, text=f"id {NUMBER}", count=3)
    logging.getLogger("library").warning("theirs %s", NUMBER)
    Logger(namespace="wire").warn("twisted {number}", number=NUMBER)
    ours, theirs, wire = lines()
    assert (ours["event"], ours["id_number"], ours["text"], ours["count"], ours["level"]) == (
        "ours",
        "***",
        "id ***",
        3,
        "info",
    )
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("theirs ***", "library", "warning")
    assert (wire["event"], wire["logger"], wire["level"]) == ("twisted ***", "wire", "warning")
    assert all("timestamp" in line for line in (ours, theirs, wire))


def test_a_stranger_s_exception_is_told_by_type_and_place_and_never_by_its_text(lines, capsys):
    try:
        broken()
    except ValueError:
        structlog.get_logger().exception("ours")
        logging.getLogger("library").exception("theirs")
        failure = Failure()
    Logger(namespace="wire").failure("twisted", failure=failure)
    legacy.err(failure)
    legacy.err(failure, "why")
    assert len(lines()) == 5
    for line in lines():
        shown = json.dumps(line, ensure_ascii=False)
        assert PERSON not in shown
        assert NUMBER not in shown
        assert line["error"] == "ValueError"
        assert "broken" in line["where"]
    assert NUMBER not in capsys.readouterr().err


def test_our_own_fault_is_told_with_its_detail(lines):
    structlog.get_logger().error("x", exc_info=Fault("centre.field", "2204 feedetail.cnt"))
    assert lines()[0]["fault"].endswith("(2204 feedetail.cnt)")


def test_debug_of_talkative_libraries_is_not_written(lines):
    logging.getLogger("zeep.transports").debug("<xml>%s</xml>", PERSON)
    logging.getLogger("zeep.transports").info("<xml>%s</xml>", PERSON)
    assert lines() == []


def test_configuring_twice_writes_once():
    stream = io.StringIO()
    before, handlers = structlog.get_config(), list(logging.getLogger().handlers)
    try:
        for _ in range(2):
            configure_logs(LogOptions(), stream)
        Logger(namespace="wire").warn("once")
        logging.getLogger("x").warning("once")
    finally:
        structlog.configure(**before)
        logging.getLogger().handlers = handlers
    assert stream.getvalue().count('"once"') == 2


def test_the_console_form_is_redacted_too():
    stream = io.StringIO()
    before = structlog.get_config()
    try:
        configure_logs(LogOptions(format="console"), stream)
        structlog.get_logger().info("seen", name=PERSON, text=NUMBER)
    finally:
        structlog.configure(**before)
    assert "seen" in stream.getvalue()
    assert PERSON not in stream.getvalue()
    assert NUMBER not in stream.getvalue()


@pytest.mark.parametrize("fault", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left"), ValueError("closed")])
def test_a_sink_that_takes_no_more_costs_lines_and_never_the_work_of_whoever_writes(lines, fault):
    class Full(io.StringIO):
        def write(self, _text):
            raise fault

        def flush(self):
            raise fault

    configure_logs(LogOptions(), Full())

    structlog.get_logger().info("ours")
    structlog.get_logger().error("ours", exc_info=ValueError("x"))
    logging.getLogger("library").warning("theirs")
    Logger(namespace="wire").warn("twisted")
