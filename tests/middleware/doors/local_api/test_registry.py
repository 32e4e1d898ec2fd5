"""The registers' methods at the door: who may, and what is refused before anybody is asked."""

from __future__ import annotations

import pytest

from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Role
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.methods import METHODS
from tests.middleware.doors.local_api.samples import PARAMS
from tests.support.fakes import id_number

_PSAM = PARAMS["registry.propose"]["psam"]


@pytest.mark.parametrize("method", [name for name in PARAMS if name.startswith("registry.")])
def test_registers_are_an_operators_but_for_links_which_the_his_makes(method):
    row = METHODS[method]

    assert [str(role) for role in row.roles] == (["his"] if method == "registry.link" else ["operator"])
    assert not row.moves_money


class _Nobody:
    """Whoever is asked although it should have been refused."""

    @property
    def registry(self):
        return self

    def __getattr__(self, name):
        raise AssertionError(f"{name} was asked")


async def _handled(method, params):
    row = METHODS[method]
    return await row.handler(Visit(_Nobody(), None, Caller(Role.OPERATOR, "desk-li")), row.read(params))


@pytest.mark.parametrize(
    "params",
    [
        {"matter": "psam", "key": "P1"},
        {"matter": "psam", "key": "P1", "psam": _PSAM, "remove": True},
        {"matter": "psam", "key": "P1", "psam": _PSAM, "decision": "install"},
        {"matter": "terminal", "key": "T1", "psam": _PSAM},
        {"matter": "list", "key": "L1"},
        {"matter": "list", "key": "L1", "decision": "drop", "psam": _PSAM},
        {"matter": "list", "key": "L1", "decision": "drop", "remove": True},
    ],
    ids=[
        "nothing",
        "put and remove",
        "a list's decision",
        "another's entry",
        "no decision",
        "with an entry",
        "remove a list",
    ],
)
@pytest.mark.parametrize("method", ["registry.propose"])
def test_a_proposal_says_exactly_what_its_matter_takes(method, params):
    with pytest.raises(Fault) as caught:
        _run(_handled(method, params))

    assert caught.value.code == "request.bad_params"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"card_read_id": "D1", "id_number": id_number().reveal(), "name": "甲"},
        {"id_number": id_number().reveal()},
        {"id_number": "999999197001010018", "name": "甲"},
    ],
    ids=["nobody", "both", "no name", "a wrong check character"],
)
def test_a_link_names_its_person_in_one_way_and_no_number_is_repeated_in_the_refusal(params):
    with pytest.raises(Fault) as caught:
        _run(_handled("registry.link", {"kind": "treatment-card", "number": "0001"} | params))

    assert caught.value.code == "request.bad_params"
    assert "99999919" not in caught.value.detail


@pytest.mark.parametrize(
    "entry",
    [{"status": "found"}, {"issuer": "33"}, {"valid_to": "2030-13-01"}, {"unknown": 1}, {"key_version": "\n"}],
    ids=str,
)
def test_an_entry_that_is_not_as_declared_is_refused(entry):
    with pytest.raises(Fault) as caught:
        METHODS["registry.propose"].read({"matter": "psam", "key": "P1", "psam": _PSAM | entry})

    assert caught.value.code == "request.bad_params"


def _run(coroutine):
    """To its end: nothing here waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")
