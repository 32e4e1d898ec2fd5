"""docs/conformance.md: the table of each shipped profile, made by running it."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import Deferred, gatherResults

from adapters.insurance.profile import REGIONS, load_profile
from daemon.conformance.run import simulated_run
from daemon.conformance.table import Report, as_markdown

HEADING = """# 一致性测试 / Conformance

<!-- 由 make docs 生成，勿手改 / Made by make docs; do not edit. -->

`run.py conformance --profile FILE` 按地区文件把柜台全部交易对模拟中心做一遍，再让结算的应答以各种方式出错；
下表是每个随附地区文件的结果。`--against URL` 对真实测试环境，见 [new-region.md](new-region.md)。
“转人工”：地区文件未列该代码，程序不会擅自认定。移动支付和电子凭证的密钥由渠道发给各院，这里用模拟器的沙箱密钥代替。

`run.py conformance --profile FILE` does everything that a profile can do at the simulated centre, then lets the answer to
a settlement go wrong in every way that was seen; these are the tables of the shipped profiles. `--against URL` does it at
a real test desk, see [new-region.md](new-region.md). "A person decides": the profile does not list that code, and nothing
is guessed. Keys of mobile payment and of e-vouchers are each hospital's own: here the simulators' sandbox keys stand in."""


def shipped() -> list[str]:
    """Every profile that comes with the product."""
    return sorted(path.stem for path in REGIONS.glob("*.toml") if path.stem != "template")


async def reports(reactor: Any, names: list[str]) -> list[Report]:
    """Their runs, all at one time: most of it is waiting for answers that do not come."""

    async def one(name: str) -> Report:
        report = await simulated_run(reactor, load_profile(name))
        return attrs.evolve(report, profile=name)

    return list(await gatherResults([Deferred.fromCoroutine(one(name)) for name in names]))


async def page(reactor: Any) -> str:
    """The whole page."""
    return as_markdown(await reports(reactor, shipped()), HEADING)
