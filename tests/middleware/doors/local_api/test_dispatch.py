from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from middleware.domain.fault import FAULTS
from middleware.domain.order import Caller, Role
from middleware.doors.local_api.dispatch import Dispatcher
from middleware.doors.local_api.handlers import Business
from middleware.doors.local_api.methods import METHODS
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.local_api.session import Session
from tests.middleware.doors.fakes import NOON, FakeCounter, FakeDesk, FakeReaders, FakeReconciliation, token_table
from tests.middleware.doors.local_api.samples import PARAMS


def make() -> tuple[Dispatcher, Session, FakeCounter]:
    counter = FakeCounter()
    business = Business(
        counter, FakeReaders(), [], Clock(), lambda: NOON, "test", FakeDesk(counter), FakeReconciliation(counter)
    )
    session = Session(number=1, peer="test", send=lambda _line: None, caller=Caller(Role.HIS, "his"))
    return Dispatcher(business, token_table(), LocalApiOptions(), lambda *_: None), session, counter


def answer(line: bytes, charset: str = "UTF-8") -> tuple[dict, FakeCounter]:
    dispatcher, session, counter = make()
    session.charset = charset
    found: list = []
    Deferred.fromCoroutine(dispatcher.answer(session, line)).addBoth(found.append)
    (reply,) = found
    assert reply.line.endswith(b"\n")
    assert reply.line.count(b"\n") == 1
    return json.loads(reply.line.decode(charset)), counter


def check_error(message: dict) -> None:
    assert {"jsonrpc", "id", "error"} == message.keys()
    spec = FAULTS[message["error"]["data"]["code"]]
    assert (spec.number, spec.en) == (message["error"]["code"], message["error"]["message"])
    assert spec.moved.value == message["error"]["data"]["money"]


@given(st.binary(max_size=300), st.sampled_from(["UTF-8", "GB18030"]))
def test_any_bytes_get_one_error_answer_and_never_an_exception(line, charset):
    message, counter = answer(line, charset)
    check_error(message)
    assert counter.asked == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.sampled_from(sorted(PARAMS)), st.data())
def test_parameters_damaged_anywhere_are_refused_or_well_formed(name, data):
    params = json.loads(json.dumps(PARAMS[name]))
    place = params
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], list) and data.draw(st.booleans()):
            place = place[key][0]
            continue
        place[key] = data.draw(VALUES)
        break
    message, _ = answer(json.dumps({"jsonrpc": "2.0", "id": 1, "method": name, "params": params}).encode())
    if "error" in message:
        check_error(message)
        assert message["error"]["data"]["code"] != "system.internal"
    else:
        METHODS[name].check_result(message["result"])


@given(VALUES, VALUES, VALUES, VALUES)
def test_an_envelope_of_any_values_is_answered(version, number, method, params):
    message, _ = answer(json.dumps({"jsonrpc": version, "id": number, "method": method, "params": params}).encode())
    check_error(message)


def test_orders_reach_the_counter_as_the_domain_s_own_values():
    _, counter = answer(
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "settlement.quote", "params": PARAMS["settlement.quote"]}).encode()
    )
    method, caller, key, order = counter.asked[0]
    assert (method, caller.account, key) == ("settlement.quote", "his", "k2")
    assert order.lines[0].amount.fen == 5100
    assert str(order.lines[0].unit_price) == "25.5"
    assert tuple(diagnosis.order for diagnosis in order.diagnoses) == (1,)
    assert order.lines[0].charged_at.utcoffset() is not None


def test_every_keyed_method_requires_request_id_and_no_other_has_a_required_one():
    for method in METHODS.values():
        fields = {field.name: field.required for field in __import__("msgspec").structs.fields(method.params)}
        assert method.keyed == fields.get("request_id", False), method.name


def test_a_method_that_moves_money_is_keyed():
    assert [method.name for method in METHODS.values() if method.moves_money and not method.keyed] == []


def test_what_takes_a_key_waits_for_its_turn_and_a_status_does_not():
    _, session, counter = make()
    later: list = []
    business = Business(
        counter, FakeReaders(), [], Clock(), lambda: NOON, "test", FakeDesk(counter), FakeReconciliation(counter)
    )
    dispatcher = Dispatcher(business, token_table(), LocalApiOptions(), hand_over=lambda *call: later.append(call))
    found: list = []

    def ask(number: int, method: str) -> None:
        line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": PARAMS[method]}).encode()
        Deferred.fromCoroutine(dispatcher.answer(session, line)).addBoth(lambda reply: found.append(json.loads(reply.line)))

    ask(1, "settlement.settle")
    ask(2, "settlement.cancel")
    ask(3, "system.status")

    assert [one["id"] for one in found] == [3]
    assert counter.asked == []
    assert dispatcher.in_flight == session.in_flight == 2  # they have their places from the moment they were read
    for call, *args in later:
        call(*args)

    assert [one["id"] for one in found] == [3, 1, 2]
    assert dispatcher.in_flight == 0
