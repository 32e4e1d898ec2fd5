"""The JSON adapter against the fault server, and replies as a centre would write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import attrs
from twisted.internet import reactor

from adapters.insurance.national.link import NationalCentre
from adapters.insurance.profile import load_profile
from tests.adapters.insurance.fault_server import FaultServer, Peer, options
from tests.adapters.insurance.requests import AT, settled_output

JSON = "application/json;charset=UTF-8"
PROFILE = attrs.evolve(load_profile("999900-test"), dialect="national")
REVERSED = b'{"infcode":0}'


@asynccontextmanager
async def running(behave: Callable[[Peer], None], signers=None, **changes):
    """A centre adapter against a fault server, both stopped at the end."""
    server = FaultServer(behave)
    centre = NationalCentre(options(changes.pop("url", server.url), **changes), reactor, lambda: AT, PROFILE, signers)
    centre.start()
    try:
        yield centre, server
    finally:
        await centre.stop()
        await server.stop()


def saying(body: bytes, **how):
    return lambda peer: peer.say(body, **{"content_type": JSON} | how)


def reply(output: object = None, code: object = 0, **head) -> bytes:
    """An answer; decimals are written as numbers, by their own digits."""
    return dumps({"infcode": code, "inf_refmsgid": None, "err_msg": None, "output": output} | head).encode()


def dumps(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{dumps(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def settled(**changes) -> bytes:
    """A sound settlement with changed fields; ``None`` is null."""
    return reply(settled_output(**changes))
