"""A simulated centre that speaks as a profile says, and the adapter that speaks to it.

What only a site can have is left out there, and the table says so: keys, a gateway's secret, the centre's own WSDL.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.mobile.beside import CentreWithMobile
from adapters.insurance.mobile.options import MobileOptions
from adapters.insurance.opening import beside, centre_of
from adapters.insurance.profile import Profile
from adapters.insurance.profile_gateway import GatewayForm, SignatureForm
from adapters.insurance.profile_soap import PROCESS, STRING
from daemon.conformance import sandbox
from daemon.conformance.sandbox import Sandbox
from daemon.policies import finish_of
from middleware.domain.statement import Verdict
from simulators.centre.server import CentreSimulator, china_now
from simulators.centre.speech import Speech, TypedSpeech, process_speech, string_speech
from simulators.centre.statements import Codes, Dialect
from simulators.centre.texts import ProcessText, StringText

INSTITUTION = sandbox.ORGANISATION
NATIONAL = "national"
PATIENT_S, IMPATIENT_S = 30.0, 1.5  # for an answer that comes, and for one that does not


@attrs.frozen(slots=True)
class Stand:
    """Both ends, started. ``sandbox``: the channel of mobile payment, where the profile has it."""

    centre: CentreWithMobile
    simulator: CentreSimulator
    profile: Profile
    sandbox: Sandbox | None = None

    def wait(self, deadline_s: float) -> None:
        """So long the next calls of the counter wait for an answer."""
        counter = self.centre.counter
        counter.options = attrs.evolve(counter.options, total_deadline_s=deadline_s)


def simulatable(profile: Profile) -> Profile:
    """The profile without what only a site can have."""
    soap = attrs.evolve(profile.soap, wsdl="", operation="")
    mobile = sandbox.simulatable(profile.mobile)
    return attrs.evolve(profile, soap=soap, gateway=GatewayForm(), signature=SignatureForm(), mobile=mobile)


def left_out(profile: Profile) -> list[str]:
    """Keys of the profile that a run against the simulator does not show."""
    bare = simulatable(profile)
    keys = {"soap.wsdl": profile.soap.wsdl != "", "soap.operation": profile.soap.operation != ""}
    keys |= {"gateway": profile.gateway != bare.gateway, "signature": profile.signature != bare.signature}
    keys |= {
        f"mobile.{key}": profile.mobile.offered and getattr(profile.mobile, key) != getattr(bare.mobile, key)
        for key in ("fee_type", "clearing_type", "clearing_agency")
    }
    return [key for key, there in keys.items() if there]


def speech_of(profile: Profile) -> Speech:
    """How a centre of that profile speaks SOAP; JSON every one speaks."""
    form = profile.soap
    if profile.dialect == PROCESS:
        return process_speech(ProcessText(form.codes, form.fields, form.head, form.names))
    return string_speech(StringText(form.codes)) if profile.dialect == STRING else TypedSpeech()


def simulator_of(reactor: Any, profile: Profile, now: Callable[[], dt.datetime] = china_now) -> CentreSimulator:
    """A centre with that region's rules."""
    statement = profile.statement
    codes = {meaning: code for code, meaning in reversed(statement.verdicts.items())}
    other = codes.get(str(Verdict.DIFFERS)) or next(
        code for code, meaning in statement.verdicts.items() if meaning != Verdict.EQUAL
    )
    said = [codes.get(str(one), other) for one in (Verdict.ONLY_HERE, Verdict.ONLY_THERE, Verdict.AMOUNTS)]
    return CentreSimulator(
        reactor,
        clock=now,
        reversible=frozenset(profile.reversible),
        require_sign_in=profile.sign_in == "daily",
        dialect=Dialect(statement.columns, statement.header, statement.encoding, Codes(codes[str(Verdict.EQUAL)], *said)),
        by_cycle=statement.by_cycle,
        speech=speech_of(profile),
        finish=str(finish_of(profile) or ""),
    )


def options_of(url: str) -> CentreOptions:
    """Who we are at a simulated centre."""
    return CentreOptions(
        url=url,
        institution_code=INSTITUTION,
        institution_name="测试医院",
        profile="conformance",
        operator="0001",
        operator_name="操作员",
        connect_s=10.0,
        total_deadline_s=PATIENT_S,
        late_reply_s=0.1,
    )


@contextlib.asynccontextmanager
async def stand(reactor: Any, profile: Profile, now: Callable[[], dt.datetime] = china_now) -> AsyncIterator[Stand]:
    """Both ends; stopped afterwards."""
    profile = simulatable(profile)
    simulator = simulator_of(reactor, profile, now)
    simulator.start()
    options = options_of(simulator.national_url if profile.dialect == NATIONAL else simulator.url)
    with tempfile.TemporaryDirectory(prefix="yikatong-sandbox-") as folder:
        phone = Sandbox(reactor, simulator.business, profile.mobile, now, Path(folder)) if profile.mobile.offered else None
        mobile = phone.options if phone is not None else MobileOptions()
        centre = beside(centre_of(options, reactor, now, profile), mobile, reactor, now, profile)
        centre.start()
        if phone is not None and centre.mobile is not None:
            phone.open(centre.mobile)
        try:
            yield Stand(centre, simulator, profile, phone)
        finally:
            if phone is not None:
                await phone.stop()
            await centre.stop()
            await simulator.stop()
