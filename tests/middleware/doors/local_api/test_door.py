from __future__ import annotations

import json

import pytest
import pytest_twisted

from clients.python.yikatong_client import ApiError, connect
from middleware.domain.fault import Fault
from middleware.domain.order import Role
from middleware.doors.local_api.methods import METHODS
from middleware.doors.local_api.tables import RULES
from tests.middleware.doors.fakes import HIS_TOKEN, POS_TOKEN, TOKENS
from tests.middleware.doors.local_api.samples import PARAMS
from tests.middleware.doors.local_api.wire import STATUS, Wire, beside, request, until


@pytest_twisted.ensureDeferred
async def test_every_method_answers_its_published_shape(opened, path):
    door = opened()

    def client_side():
        with connect(path) as client:
            hello = client.hello(POS_TOKEN)
            answers = {name: client.call(name, PARAMS[name]) for name in hello["methods"] if name != "session.hello"}
            return hello, answers

    hello, answers = await beside(client_side)
    METHODS["session.hello"].check_result(hello)
    assert hello["terminal"] == "T001"
    for name, answer in answers.items():
        METHODS[name].check_result(answer)
    assert {outcome for _, outcome, _ in door.seen} == {"ok"}


def test_a_rule_that_is_broken_is_told_as_people_write_it():
    with pytest.raises(Fault) as caught:
        METHODS["visit.get"].read({"visit_id": "a b"})
    assert caught.value.detail == "params.visit_id: Expected `str` matching regex '^[A-Za-z0-9._:-]{1,64}$'"


@pytest_twisted.ensureDeferred
async def test_bad_lines_get_their_fault_and_keep_the_connection(opened, path):
    opened()
    cases = {
        b"\n": "request.not_json",
        b"{\n": "request.not_json",
        b'{"jsonrpc":"2.0","id":1,"method":"system.status"} x\n': "request.not_json",
        b'{"a":"\xff"}\n': "request.not_json",
        b'{"a":"\\ud800"}\n': "request.not_json",
        b"9" * 60000 + b"\n": "request.not_json",
        b"[]\n": "request.invalid",
        b"[" + STATUS.strip() + b"]\n": "request.invalid",
        b"7\n": "request.invalid",
        b'{"jsonrpc":"1.0","id":1,"method":"system.status"}\n': "request.invalid",
        b'{"jsonrpc":"2.0","method":"system.status"}\n': "request.invalid",
        b'{"jsonrpc":"2.0","id":null,"method":"system.status"}\n': "request.invalid",
        b'{"jsonrpc":"2.0","id":1.5,"method":"system.status"}\n': "request.invalid",
        b'{"jsonrpc":"2.0","id":true,"method":"system.status"}\n': "request.invalid",
        b'{"jsonrpc":"2.0","id":1,"method":5}\n': "request.invalid",
        b'{"jsonrpc":"2.0","id":1,"method":"system.status","params":[]}\n': "request.invalid",
        b'{"jsonrpc":"2.0","id":1,"method":"system.status","extra":1}\n': "request.invalid",
        b'{"jsonrpc":"2.0","id":1,"method":"system.nothing"}\n': "request.unknown_method",
        b'{"a":' * 33 + b"1" + b"}" * 33 + b"\n": "request.too_deep",
        b"[" * 60000 + b"\n": "request.too_deep",
        b'{"jsonrpc":"2.0","id":1,"method":"system.status","params":{"x":"' + b"[" * 100 + b'"}}\n': "request.bad_params",
        STATUS: "ok",
        STATUS.replace(b"\n", b"\r\n"): "ok",
    }

    def client_side():
        with Wire(path) as wire:
            wire.hello()
            return [wire.code(line) for line in cases]

    assert list(cases.values()) == await beside(client_side)


@pytest_twisted.ensureDeferred
async def test_the_id_is_echoed_even_when_the_request_is_invalid(opened, path):
    opened()

    def client_side():
        with Wire(path) as wire:
            return [
                wire.ask(b'{"id":%s,"method":1}\n' % number)["id"]
                for number in (b'"abc"', b"0", b"-7", b"[1]", b'""', b"1e400")
            ]

    assert await beside(client_side) == ["abc", 0, -7, None, None, None]


@pytest_twisted.ensureDeferred
async def test_before_hello_nothing_is_said_not_even_which_methods_exist(opened, path):
    opened()

    def client_side():
        with Wire(path) as wire:
            return [wire.code(request(name)) for name in ("system.status", "card.read", "no.such")]

    assert await beside(client_side) == ["access.no_session"] * 3


@pytest_twisted.ensureDeferred
async def test_wrong_parameters_are_named_and_their_values_are_not_repeated(opened, path):
    door = opened()
    secret = "张三丰110101199003070011"
    settle, quote = PARAMS["settlement.settle"], PARAMS["settlement.quote"]
    line = quote["lines"][0]
    cases = [
        ("settlement.settle", {}, "request_id"),
        ("settlement.settle", {**settle, "unknown": 1}, "unknown"),
        ("settlement.settle", {**settle, "total": 100.0}, "total"),
        ("settlement.settle", {**settle, "total": "1e3"}, "total"),
        ("settlement.settle", {**settle, "total": "-1.00"}, "total"),
        ("settlement.settle", {**settle, "total": "1.001"}, "total"),
        ("settlement.settle", {**settle, "total": "١.00"}, "total"),
        ("settlement.settle", {**settle, "cash": "100.01"}, "cash"),
        ("settlement.settle", {**settle, "request_id": secret}, "request_id"),
        ("settlement.settle", {**settle, "request_id": "k\n"}, "request_id"),
        ("settlement.settle", {**settle, "request_id": "k" * 65}, "request_id"),
        ("settlement.quote", {**quote, "use_account": 1}, "use_account"),
        ("settlement.quote", {**quote, "lines": []}, "lines"),
        ("settlement.quote", {**quote, "lines": [line] * 2}, "lines[1].line_id"),
        ("settlement.quote", {**quote, "lines": [line] * 501}, "lines"),
        ("settlement.quote", {**quote, "lines": [{**line, "amount": "51.02"}]}, "lines[0].amount"),
        ("settlement.quote", {**quote, "lines": [{**line, "quantity": "0"}]}, "lines[0].quantity"),
        ("settlement.quote", {**quote, "lines": [{**line, "name": "a\rZZZ|1"}]}, "lines[0].name"),
        ("settlement.quote", {**quote, "lines": [{**line, "name": "a\n"}]}, "lines[0].name"),
        ("settlement.quote", {**quote, "lines": [{**line, "charged_at": "2026-11-20T09:40:00"}]}, "lines[0].charged_at"),
        (
            "settlement.quote",
            {**quote, "lines": [{**line, "charged_at": "0001-01-01T00:00:00+14:00"}]},
            "lines[0].charged_at",
        ),
        ("settlement.quote", {**quote, "diagnoses": [{"code": "J00", "name": "x", "order": 1}] * 2}, "diagnoses[1].order"),
        ("settlement.get", {}, "settlement_id"),
        ("settlement.get", {"settlement_id": "S1", "request_id": "k1"}, "settlement_id"),
        ("shift.totals", {"since": "2026-01-01T00:00:00+08:00", "until": "2026-03-01T00:00:00+08:00"}, "until"),
        ("shift.totals", {"since": "2026-01-02T00:00:00+08:00", "until": "2026-01-01T00:00:00+08:00"}, "until"),
        ("card.read", {"reader": secret * 20}, "reader"),
        ("system.status", {"x": 1}, "x"),
    ]

    def client_side():
        with Wire(path) as wire:
            wire.hello()
            return [wire.ask(request(method, params)).get("error") for method, params, _ in cases]

    for (method, _, place), error in zip(cases, await beside(client_side), strict=True):
        assert error["data"]["code"] == "request.bad_params", method
        assert error["code"] == -32602
        assert error["data"]["money"] == "no"
        assert place in error["data"]["detail"], (method, error["data"]["detail"])
        assert secret not in json.dumps(error, ensure_ascii=False)
    assert door.counter.asked == []


@pytest_twisted.ensureDeferred
async def test_each_role_may_call_its_methods_and_no_other(opened, path):
    opened()

    def client_side():
        outcome = {}
        for token, caller in TOKENS.items():
            with Wire(path) as wire:
                wire.hello(token)
                for name, params in PARAMS.items():
                    outcome[caller.role, name] = wire.code(request(name, params))
        return outcome

    outcome = await beside(client_side)
    for (role, name), code in outcome.items():
        assert ("ok" if role in METHODS[name].roles else "access.role") == code, (role, name)
    allowed = {role: {name for (r, name), code in outcome.items() if r == role and code == "ok"} for role in Role}
    counter = {n for n in PARAMS if n.startswith(("settlement.", "reader.", "shift.", "card.", "patient.", "mobile."))} | {
        "visit.get"
    }
    counter -= {"card.challenge", "card.prove", "card.files", "card.unblock_factor", "card.unblock_pin"}
    ward = {"card.challenge", "card.prove", "card.files", "card.unblock_factor", "card.unblock_pin"} | {
        n for n in PARAMS if n.startswith("driver.")
    }
    ward |= {n for n in PARAMS if n.startswith("inpatient.")} | {"visit.withdraw", "registry.link", "medium.read"}
    ward |= {"charge.list", "settlement.quote_from_his", "patient.find_in_his", "catalogue.list", "catalogue.show"}
    counter -= {"settlement.quote_from_his", "patient.find_in_his"}
    assert counter | ward | {"system.status"} == allowed[Role.HIS]
    assert counter == allowed[Role.POS]
    assert {"system.status"} == allowed[Role.BUREAU]
    desk = {"reconcile.run", "reconcile.status", "reconcile.list", "inbox.list", "inbox.show", "charge.list"}
    desk |= {n for n in PARAMS if n.startswith("identity.")} | {"inbox.failed", "inbox.retry"}
    desk |= {n for n in PARAMS if n.startswith(("letters.", "destinations.", "debit.", "catalogue."))}
    desk |= {n for n in PARAMS if n.startswith("registry.")} - {"registry.link"}
    desk |= {"person.find", "keys.list", "keys.rotate", "keys.destroy", "keys.approve", "keys.reject"}
    desk |= {"visit.get", "mobile.status", "desk.list", "desk.show", "desk.propose", "desk.approve", "desk.reject"}
    assert {"system.status", "reader.list", "settlement.get"} | desk == allowed[Role.OPERATOR]


@pytest_twisted.ensureDeferred
async def test_three_wrong_tokens_close_the_connection(opened, path):
    opened()

    def client_side():
        with Wire(path) as wire:
            codes = [wire.hello(token)["error"]["data"]["code"] for token in ("wrong", "", "x" * 512)]
            fourth = wire.hello("令牌")["error"]["data"]["code"]
            return codes, fourth, wire.ended

    codes, fourth, ended = await beside(client_side)
    assert codes == ["access.bad_token", "request.bad_params", "access.bad_token"]
    assert fourth == "access.bad_token"
    assert ended


@pytest_twisted.ensureDeferred
async def test_a_second_hello_is_refused_and_changes_nothing(opened, path):
    opened()

    def client_side():
        with Wire(path) as wire:
            wire.hello(POS_TOKEN)
            again = wire.hello(HIS_TOKEN)["error"]["data"]["code"]
            return again, wire.code(STATUS)

    assert await beside(client_side) == ("request.invalid", "access.role")


@pytest_twisted.ensureDeferred
async def test_a_watch_ends_with_its_connection(opened, path):
    door = opened()

    def client_side():
        with connect(path) as client:
            client.hello(HIS_TOKEN)
            client.call("reader.watch")
            client.call("reader.watch")
            return

    await beside(client_side)
    await until(lambda: not door.api.connections)
    assert door.readers.watchers == []


@pytest_twisted.ensureDeferred
async def test_two_messages_in_one_write_and_one_message_in_two(opened, path):
    opened()

    def client_side():
        with Wire(path) as wire:
            wire.say(request("session.hello", {"token": HIS_TOKEN}), request("system.status", number="a"), STATUS[:9])
            first, second = wire.hear(), wire.hear()
            wire.say(STATUS[9:])
            return first["result"]["role"], second["id"], wire.hear()["id"]

    assert await beside(client_side) == ("his", "a", 1)


@pytest_twisted.ensureDeferred
async def test_a_gb18030_session_speaks_gb18030_from_the_line_after_hello(opened, path):
    door = opened()

    def client_side():
        with Wire(path) as wire:
            hello = wire.hello(charset="GB18030")["result"]["charset"]
            # 尰 has 0x5B "[" as its second byte and 渀 four bytes' neighbours: no scanner may look at bytes
            params = {**PARAMS["settlement.cancel"], "reason": "乕乢㐀𠀀退药"}
            wire.say(request("settlement.cancel", params).decode().encode("gb18030"))
            answer = wire.hear("gb18030")
            wire.say('{"坏'.encode() + b"\xff\n")
            return hello, answer, wire.hear("gb18030")["error"]["data"]

    hello, answer, error = await beside(client_side)
    assert hello == "GB18030"
    assert answer["result"]["split"]["funds"][0]["name"] == "统筹基金"
    assert door.counter.asked[0][3].reason == "乕乢㐀𠀀退药"
    assert error["zh"] == "请求不是合法的 JSON"


@pytest_twisted.ensureDeferred
async def test_the_client_speaks_gb18030_too(opened, path):
    opened()

    def client_side():
        with connect(path) as client:
            client.hello(HIS_TOKEN, charset="GB18030")
            return client.call("settlement.quote", PARAMS["settlement.quote"])

    assert (await beside(client_side))["split"]["funds"][0]["name"] == "统筹基金"


@pytest_twisted.ensureDeferred
async def test_an_internal_error_is_answered_and_leaks_nothing(opened, path, capsys):
    door = opened()
    secret = "张三 110101199003070011"
    door.counter.error = RuntimeError(f"boom {secret}")

    def client_side():
        with Wire(path) as wire:
            wire.hello()
            return wire.ask(request("settlement.settle", PARAMS["settlement.settle"])), wire.code(STATUS)

    answer, after = await beside(client_side)
    assert answer["error"]["data"]["code"] == "system.internal"
    assert answer["error"]["code"] == -32603
    assert answer["error"]["data"]["money"] == "unknown"
    assert "boom" not in json.dumps(answer)
    assert "张三" not in json.dumps(answer, ensure_ascii=False)
    assert after == "ok"
    assert secret not in "".join(capsys.readouterr())


@pytest_twisted.ensureDeferred
async def test_an_answer_that_cannot_be_written_is_an_internal_error(opened, path, monkeypatch):
    from tests.middleware.doors import fakes

    opened()
    monkeypatch.setitem(fakes.ANSWERS, "card.read", {"bad": object()})

    def client_side():
        with Wire(path) as wire:
            wire.hello()
            return wire.code(request("card.read", PARAMS["card.read"]))

    assert await beside(client_side) == "system.internal"


@pytest_twisted.ensureDeferred
async def test_a_fault_says_what_happened_what_to_do_and_quotes_the_stranger(opened, path):
    door = opened()
    door.counter.error = Fault("centre.refused", "2207 code -1", foreign="余额不足\ud800")

    def client_side():
        with connect(path) as client:
            client.hello(HIS_TOKEN)
            with pytest.raises(ApiError) as caught:
                client.call("settlement.settle", PARAMS["settlement.settle"])
            return caught.value

    error = await beside(client_side)
    assert (error.code, error.number) == ("centre.refused", -32202)
    assert {"code", "zh", "en", "do_zh", "do_en", "detail", "foreign", "money", "retry"} == error.data.keys()
    assert error.data["foreign"] == "余额不足?"
    assert error.data["detail"] == "2207 code -1"
    assert not error.money_is_unknown


def test_every_rule_names_a_fault_of_the_table():
    from middleware.domain.fault import FAULTS

    assert set() == {rule.answer for rule in RULES if rule.answer} - FAULTS.keys()
