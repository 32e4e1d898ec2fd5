"""Well-formed parameters of every method."""

from __future__ import annotations

from tests.middleware.doors.fakes import READER

LINE = {
    "line_id": "L1", "catalogue_code": "XA01", "hospital_code": "H1", "name": "阿莫西林胶囊", "unit_price": "25.5",
    "quantity": "2", "amount": "51.00", "charged_at": "2026-11-20T09:40:00+08:00", "department_code": "D01",
    "department_name": "内科", "doctor_code": "DR01", "doctor_name": "王医生",
}  # fmt: skip
PARAMS = {
    "reader.list": {},
    "reader.watch": {},
    "card.read": {"reader": READER},
    "card.present": {"reader": READER, "text": "0012345678"},
    "medium.read": {"reader": READER},
    "card.open": {"reader": READER},
    "card.challenge": {"session_id": "C1"},
    "card.prove": {"session_id": "C1", "internal": "0" * 16, "external": "0" * 32},
    "card.identity": {"session_id": "C1"},
    "card.files": {"session_id": "C1", "files": [{"application": "SSSE", "file": "EF05", "tags": ["01", "07"]}]},
    "card.verify_pin": {"session_id": "C1", "pin": "123456"},
    "card.change_pin": {"session_id": "C1", "pin": "123456", "new_pin": "654321", "new_pin_again": "654321"},
    "card.unblock_factor": {"session_id": "C1"},
    "card.unblock_pin": {"session_id": "C1", "data": "00" * 4},
    "card.close": {"session_id": "C1"},
    **{f"driver.{name}": {"reader": READER, "iType": 1} for name in ("iReadCardBas", "iReadCardBas_HSM_Step1", "iDoDebit")},
    **{
        f"driver.{name}": {"session_id": "C1", "pKey": "00"}
        for name in ("iReadCardBas_HSM_Step2", "iReloadPIN_HSM_Step3", "iUnblockPIN_HSM_Step2")
    },
    **{
        f"driver.{name}": {"pCardInfo": "1|2|"}
        for name in ("iReloadPIN", "iReloadPIN_HSM_Step1", "iUnblockPIN", "iUnblockPIN_HSM_Step1")
    },
    "driver.iReadCard": {"iAuthType": 1, "pCardInfo": "1|2|", "pFileAddr": "SSSEEF05|07|$", "pin": "123456"},
    "driver.iReadCard_HSM_Step1": {"pCardInfo": "1|2|", "pFileAddr": "SSSEEF05|07|$"},
    "driver.iReadCard_HSM_Step2": {"session_id": "C1", "pFileAddr": "SSSEEF05|07|$", "pKey": "00"},
    "driver.iVerifyPIN": {"pin": "123456"},
    "driver.iChangePIN": {"pin": "123456", "new_pin": "654321", "new_pin_again": "654321"},
    "driver.iReloadPIN_HSM_Step2": {"session_id": "C1", "pKey": "00", "new_pin": "654321", "new_pin_again": "654321"},
    "driver.iReadDebitRecord": {"iAuthType": 2, "first": 1, "count": 5},
    "patient.register": {
        "request_id": "k1", "card_read_id": "R1", "department_code": "D01", "department_name": "内科", "specialty": "A03",
        "doctor_code": "DR01", "doctor_name": "王医生", "begun_at": "2026-11-20T09:30:00+08:00",
    },
    "inpatient.admit": {
        "request_id": "k5", "card_read_id": "R1", "stay_number": "ZY1", "department_code": "D01", "department_name": "内科",
        "bed": "12", "doctor_code": "DR01", "doctor_name": "王医生", "begun_at": "2026-11-20T09:30:00+08:00",
        "description": "肺炎", "diagnoses": [{"code": "J18.900", "name": "肺炎"}],
    },
    "inpatient.charge": {"request_id": "k6", "visit_id": "V1", "lines": [LINE]},
    "inpatient.withdraw_charges": {"request_id": "k7", "visit_id": "V1"},
    "inpatient.discharge": {
        "request_id": "k8", "visit_id": "V1", "ended_at": "2026-11-24T09:30:00+08:00",
        "diagnoses": [{"code": "J18.900", "name": "肺炎"}],
    },
    "inpatient.undo_discharge": {"request_id": "k9", "visit_id": "V1"},
    "visit.withdraw": {"request_id": "k10", "visit_id": "V1"},
    "visit.get": {"visit_id": "V1"},
    "settlement.quote": {
        "request_id": "k2", "visit_id": "V1", "diagnoses": [{"code": "J00", "name": "急性鼻咽炎"}], "lines": [LINE],
    },
    "settlement.settle": {"request_id": "k3", "settlement_id": "S1", "total": "100.00", "cash": "10.00"},
    "settlement.get": {"settlement_id": "S1"},
    "settlement.explain": {"request_id": "k3"},
    "settlement.cancel": {"request_id": "k4", "settlement_id": "S1", "reason": "退药"},
    "shift.totals": {"since": "2026-11-20T08:00:00+08:00", "until": "2026-11-20T20:00:00+08:00"},
    "shift.close": {"request_id": "k11", "allow_empty": True},
    "shift.get": {"number": 7, "after": 0, "limit": 10},
    "desk.list": {"after": "S0", "limit": 10},
    "desk.show": {"settlement_id": "S1"},
    "desk.propose": {
        "settlement_id": "S1", "decision": "settled", "centre_number": "C1", "centre_time": "2026-11-20T09:42:00+08:00",
        "amounts": {"total": "100.00", "fund": "60.00", "account": "30.00", "cash": "10.00"},
        "evidence": {"kind": "telephone", "reference": "结算科 2026-11-20 17 号来电", "note": "已核对", "sha256": "0" * 64},
    },
    "desk.approve": {"settlement_id": "S1", "proposal": "0" * 32},
    "desk.reject": {"settlement_id": "S1", "proposal": "0" * 32, "reason": "与函件不符"},
    "reconcile.run": {"date": "2026-11-20"},
    "reconcile.status": {"run_id": "R1"},
    "reconcile.list": {"run_id": "R1", "after": 0, "limit": 10},
    "person.find": {"card_number": "A12345678", "reason": "本人要求查阅", "limit": 10},
    "inbox.list": {"all": True},
    "inbox.show": {"sequence": 7},
    "inbox.failed": {"after": 1},
    "inbox.retry": {"sequence": 7},
    "identity.list": {"all": True, "reason": "核对冲突"},
    "identity.show": {"kind": "his-patient", "number": "P001"},
    "identity.resolve": {"key": "G0000000000000000070000", "decision": "undo", "note": "病人本人到场"},
    "charge.list": {"patient": "P001"},
    "settlement.quote_from_his": {
        "request_id": "k-his", "visit_id": "V1", "patient": "P001", "diagnoses": [{"code": "J00", "name": "感冒"}],
    },
    "letters.list": {"waiting": True},
    "letters.show": {"control_id": "P1"},
    "letters.resend": {"control_id": "P1", "reason": "HIS 已补字典"},
    "letters.discard": {"control_id": "P1", "why": "entered-by-hand", "reference": "T-17"},
    "letters.approve": {"control_id": "P1", "proposal": "0" * 32},
    "letters.reject": {"control_id": "P1", "proposal": "0" * 32},
    "keys.list": {},
    "keys.rotate": {"rewrap": True, "reseal": True},
    "keys.destroy": {"period": "2011-11"},
    "keys.approve": {"period": "2011-11", "proposal": "0" * 32},
    "keys.reject": {"period": "2011-11", "proposal": "0" * 32},
    "registry.list": {"register": "psam", "limit": 10},
    "registry.proposals": {},
    "registry.propose": {
        "matter": "psam", "key": "P1", "note": "遗失",
        "psam": {"place": "SAM1", "issuer": "999900", "valid_to": "2030-01-01", "status": "lost"},
    },
    "registry.approve": {"proposal": "0" * 32},
    "registry.reject": {"proposal": "0" * 32},
    "registry.lists": {},
    "registry.import_begin": {"source": "bureau", "mode": "add", "rows": 2},
    "registry.import_part": {
        "list_id": "L1", "first": 1, "lines": ["card_number,A12345678,999900,lost,2026-11-20"],
    },
    "registry.import_end": {"list_id": "L1"},
    "registry.link": {
        "kind": "treatment-card", "number": "00012345", "id_number": "999999197001010017", "name": "测试甲", "moved": True,
    },
    "registry.conflicts": {"reason": "核对冲突"},
    "registry.flags": {"unseen": False},
    "registry.flag": {"sequence": 1, "reason": "核实"},
    "registry.flag_seen": {"sequence": 1, "note": "已核实"},
    "system.status": {},
}  # fmt: skip
