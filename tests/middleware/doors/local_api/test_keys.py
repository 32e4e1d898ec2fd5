from __future__ import annotations

import pytest
from msgspec import convert

from middleware.domain.fault import Fault
from middleware.doors.local_api.methods import METHODS
from tests.middleware.doors.local_api.samples import PARAMS
from tests.support.fakes import id_number


@pytest.mark.parametrize("method", [name for name in PARAMS if name.startswith(("keys.", "person."))])
def test_keys_and_persons_are_an_operators_and_move_no_money(method):
    row = METHODS[method]

    assert [str(role) for role in row.roles] == ["operator"]
    assert not row.moves_money


@pytest.mark.parametrize("period", ["", "2026-13", "2026-1", "2026-Q5", "11-2026", "2026-11 ", "2026-11\n", "*"])
def test_what_is_no_period_is_refused(period):
    with pytest.raises(Fault) as caught:
        METHODS["keys.destroy"].read({"period": period})

    assert caught.value.code == "request.bad_params"


@pytest.mark.parametrize(
    "params",
    [
        {"card_number": "A1"},
        {"card_number": "A1", "reason": ""},
        {"id_number": "9" * 19, "reason": "x"},
        {"card_number": "A-1", "reason": "x"},
    ],
    ids=["no reason", "an empty reason", "too long", "no card number"],
)
def test_a_look_for_a_person_gives_its_reason(params):
    with pytest.raises(Fault) as caught:
        METHODS["person.find"].read(params)

    assert caught.value.code == "request.bad_params"


@pytest.mark.parametrize(
    "numbers",
    [{}, {"id_number": id_number().reveal(), "card_number": "A1"}, {"id_number": id_number().reveal()[:17] + "0"}],
    ids=["none", "both", "a wrong check character"],
)
def test_a_person_is_asked_for_by_one_right_number(numbers):
    method = METHODS["person.find"]
    params = convert({"reason": "x", **numbers}, method.params)
    with pytest.raises(Fault) as caught:
        method.handler(None, params).send(None)

    assert caught.value.code == "request.bad_params"
    assert id_number().reveal()[:17] not in caught.value.detail
