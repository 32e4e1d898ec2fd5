"""Registers of the HIS: versions from a moment on, nothing dropped by silence; names and codes that were left out."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
from attrs import evolve

from middleware.domain.fault import Fault
from middleware.domain.masters import MasterKind
from middleware.doors.local_api.methods import METHODS
from middleware.engine.masters import NameRule, named
from middleware.store import tables as t
from tests.middleware.engine.test_gate import LI, fault_of
from tests.middleware.engine.test_intake import His, of_the_card, pid
from tests.support.counter import rig, rows
from tests.support.fakes import HIS, register_order

Z01 = ("MFI|Department^科室^HIS||UPD|||AL", "MFE|MUP|||01|CE")


async def listed(his, kind, code="", after="", limit=100):
    answer = await his.told.masters.list(MasterKind(kind), code, after, limit)
    METHODS["his.masters"].check_result(answer)
    asked = {"kind": kind, "code": code, "after": answer["next_after"], "limit": limit}
    assert METHODS["his.masters"].read(asked).after == answer["next_after"]
    return answer["rows"]


@pytest_twisted.ensureDeferred
async def test_a_record_has_a_version_for_each_word_about_it_and_silence_drops_nothing(store_url):
    async with rig(store_url) as r:
        his = His(r)
        await his.tell("MFN^M01", *Z01, "Z01|01|内科")
        await his.tell("MFN^M01", *Z01, "Z01|01|内科")  # the same again
        await his.tell("MFN^M01", *Z01, "Z01|01|大内科")
        await his.tell("MFN^M01", "MFI|Department||REP", "MFE|MAD|||02|CE", "Z01|02|外科")
        (first, second) = sorted(await listed(his, "department"), key=lambda row: row["code"])
        assert (first["name"], first["version"], first["state"]) == ("大内科", 2, "active")
        assert second["name"] == "外科"
        page = await his.told.masters.list(MasterKind.DEPARTMENT, "", "", 1)
        assert (page["complete"], len(await listed(his, "department", after=page["next_after"]))) == (False, 1)

        await his.tell("MFN^M01", "MFI|Department", "MFE|MDC|||01|CE")
        assert [(row["state"], row["name"]) for row in await listed(his, "department", "01")] == [("inactive", "大内科")]
        await his.tell("MFN^M01", "MFI|Department", "MFE|MAC|||01|CE")
        await his.tell("MFN^M01", "MFI|Department", "MFE|MDL|||02|CE")
        assert [row["version"] for row in await listed(his, "department", "01")] == [4]
        assert await listed(his, "department", "02") == []
        assert await his.failures() == []
        for row in rows(r, t.his_master) + rows(r, t.journal):
            assert "内科" not in str(row)


@pytest_twisted.ensureDeferred
async def test_all_that_the_his_said_is_kept_sealed_seen_by_an_operator_who_says_why_and_emptied_by_the_his(tmp_path):
    async with rig(tmp_path) as r:
        his = His(r)
        await his.tell("MFN^M01", "MFI|Employee", "MFE|MUP|||D1|CE", "Z02|D1|测试医生|F||副主任医师|||证件9|01^护理")
        await his.tell("MFN^M01", "MFI|Employee", "MFE|MUP|||D1|CE", 'Z02|D1|测试医生|||""|||证件8')
        shown = await his.told.masters.show(LI, MasterKind.STAFF, "D1", "核对职称")
        METHODS["his.master"].check_result(shown)
        (row,) = shown["rows"]
        assert {one["place"]: one["value"] for one in row["said"]} == {
            "Z02-1": "D1", "Z02-2": "测试医生", "Z02-3": "F", "Z02-8": "证件8", "Z02-9": "01^护理",
        }  # fmt: skip
        assert (row["department"], row["version"]) == ("01", 2)
        await his.tell("MFN^M01", "MFI|Employee", "MFE|MUP|||D1|CE", 'Z02|D1|测试医生|||||||""')
        assert [(one["department"], one["version"]) for one in await listed(his, "staff")] == [("", 3)]
        assert "said" not in (await listed(his, "staff"))[0]
        assert "HisMasterShown" in [one.event for one in rows(r, t.journal)]
        assert (await fault_of(his.told.masters.show(LI, MasterKind.STAFF, "D9", "x"))).code == "request.not_found"
        assert not any("证件" in str(row) or "核对职称" in str(row) for row in rows(r, t.his_master) + rows(r, t.journal))


@pytest_twisted.ensureDeferred
async def test_a_version_is_good_from_its_own_moment_on(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        later = f"{r.now() + dt.timedelta(days=2):%Y%m%d%H%M%S}"
        await his.tell("MFN^M01", *Z01, "Z01|01|内科")
        await his.tell("MFN^M01", Z01[0], f"MFE|MUP||{later}|01|CE", "Z01|01|大内科")
        assert [row["name"] for row in await listed(his, "department")] == ["内科"]
        r.offset = dt.timedelta(days=3)
        assert [row["name"] for row in await listed(his, "department")] == ["大内科"]


@pytest_twisted.ensureDeferred
async def test_of_a_message_the_readable_records_are_taken_and_the_others_wait_for_a_person(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        await his.tell("MFN^M01", "MFI|Department", "MFE|MUP|||01|CE", "Z01|01|内科", "MFE|MUP|||02|CE", "Z01|02|")
        assert await his.failures() == [
            ("hl7.content", "1 records: MFE[2] is added or updated without a name"),
        ]  # fmt: skip
        assert [row["code"] for row in await listed(his, "department")] == ["01"]
        await his.told.intake.retry(LI, (await his.told.intake.failures(0, 1))["rows"][0]["sequence"])
        await his.told.intake.look()
        assert [row["version"] for row in await listed(his, "department")] == [1]


@pytest_twisted.ensureDeferred
async def test_a_registration_takes_the_hiss_names_where_they_are_left_out_and_is_held_to_them_by_rule(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        order = evolve(register_order("x"), department_name="", doctor_name="")
        assert (await fault_of(named(r.engine.means, order, NameRule.FILL))).detail.startswith("params.department_name")
        await his.tell("MFN^M01", *Z01, "Z01|01|心内科")
        await his.tell("MFN^M01", "MFI|Employee", "MFE|MUP|||D1|CE", "Z02|D1|测试医生")

        read = await r.counter.read_card(HIS, "Virtual 00")
        visit = await r.counter.register(HIS, "r1", evolve(order, card_read_id=read["card_read_id"]))
        told = (await r.engine.visits.visit(visit["visit_id"])).order
        assert (told.department_name, told.doctor_name) == ("心内科", "测试医生")

        given = evolve(order, department_name="内科", doctor_name="测试医生")
        assert (await named(r.engine.means, given, NameRule.FILL)).department_name == "内科"
        assert (await fault_of(named(r.engine.means, given, NameRule.CHECK))).code == "his.master_differs"
        await his.tell("MFN^M01", "MFI|Employee", "MFE|MDC|||D1|CE")
        gone = evolve(given, department_name="")
        assert (await fault_of(named(r.engine.means, gone, NameRule.CHECK))).code == "his.master_unknown"


@pytest_twisted.ensureDeferred
async def test_what_a_charge_line_lacks_is_filled_from_the_registers_of_its_link_and_what_it_says_stands(store_url):
    async with rig(store_url) as r:
        his = His(r)
        visit, holder = await of_the_card(r)
        person = pid(document=holder.id_number.reveal(), name=holder.name.reveal())
        at = dt.datetime.now(dt.UTC).strftime("%Y%m%d")
        await his.tell("DFT^P03", person, f"FT1|1|L1||{at}||CG|H01|||1|8.00|8.00|0101^呼吸科||||||||D01")
        fault = await fault_of(his.quote(visit, "q1"))
        assert (fault.code, fault.detail) == ("charge.incomplete", "L1: catalogue_code, name, doctor_name")

        item = ("MFI|CDM", "MFE|MAD|||H01", "CDM|H01^^^XA01||血常规", "PRC|H01||||9.00")
        await his.tell("MFN^M04", *item)
        await his.tell("MFN^M01", *Z01[:1], "MFE|MUP|||0101", "Z01|0101|内科")
        await his.tell("MFN^M01", "MFI|Employee", "MFE|MUP|||D01", "Z02|D01|测试医生")
        quote = await his.quote(visit, "q2")
        state = await r.engine.visits.visit(visit["visit_id"])
        (line,) = (await r.engine.visits.bill(state.visit_id, quote["settlement_id"])).lines
        assert (line.catalogue_code, line.name, line.department_name, line.doctor_name, line.amount.fen) == (
            "XA01", "血常规", "呼吸科", "测试医生", 800,
        )  # fmt: skip


def test_two_links_that_differ_fill_in_nothing(tmp_path):
    from middleware.domain.masters import MasterFacts, MasterState
    from middleware.store.his_masters import HisMasters, Master

    masters = HisMasters(None, None)
    two = [
        Master(link, MasterKind.DEPARTMENT, "d", "01", 1, MasterState.ACTIVE, "", 1, MasterFacts(name))
        for link, name in (("a", "内科"), ("b", "外科"))
    ]
    masters.by_code = lambda *_: two
    assert masters.one(MasterKind.DEPARTMENT, "01", None) is None
    two.pop()
    assert masters.one(MasterKind.DEPARTMENT, "01", None).name == "内科"


@pytest.mark.parametrize("rule", NameRule)
@pytest_twisted.ensureDeferred
async def test_where_the_his_told_of_no_register_nothing_changes(tmp_path, rule):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        order = register_order("x")
        assert await named(r.engine.means, order, rule) == order
        with pytest.raises(Fault):
            await named(r.engine.means, evolve(order, doctor_name=""), rule)
