"""Stand-ins for what the doors ask: a counter, readers, a feed. They answer in the shapes of the Protocols."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred

from middleware.domain.card import CardEvent, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.order import Caller, Role
from middleware.doors.local_api.door import LocalApi
from middleware.doors.local_api.handlers import Business
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.tokens import TokenTable
from middleware.store.feed import FeedPage, FeedRow
from tests.middleware.doors.fake_cards import FakeCards, FakeDriver

ZONE = dt.timezone(dt.timedelta(hours=8))
NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=ZONE)
READER = "Virtual PCD 00 00"
HIS_TOKEN = "his-token-0123456789"
POS_TOKEN = "pos-token-0123456789"
BUREAU_TOKEN = "bureau-token-0123456789"
OPERATOR_TOKEN = "operator-token-0123456789"
TOKENS = {
    HIS_TOKEN: Caller(Role.HIS, "his"),
    POS_TOKEN: Caller(Role.POS, "pharmacy-1", "T001"),
    BUREAU_TOKEN: Caller(Role.BUREAU, "bureau"),
    OPERATOR_TOKEN: Caller(Role.OPERATOR, "operator"),
}

SPLIT = {
    "total": "100.00", "fund": "60.00", "account": "30.00", "cash": "10.00", "hospital": "0.00", "personal": "40.00",
    "family_account": "0.00", "self_paid": "0.00", "over_limit": "0.00", "first_self_paid": "0.00", "in_scope": "100.00",
    "deductible": "0.00", "balance_after": "170.00", "funds": [{"kind": "310100", "name": "统筹基金", "amount": "60.00"}],
}  # fmt: skip
_WHEN = "2026-11-20T12:00:00+08:00"
_DOUBT = {
    "settlement_id": "S1", "visit_id": "V1", "visit_number": "M1", "state": "Manual", "in_doubt": "2207", "total": "100.00",
    "account": "his", "terminal": "", "settlement_number": "", "attempts": 8,
    "message_ids": {"settle": "H1", "cancel": "", "reversal": "H2"},
}  # fmt: skip
_PROPOSED = {"period": "2011-11", "proposal": "0" * 32, "proposed_by": "desk-li", "proposed_at": _WHEN}
_RUN: dict[str, object] = {
    "run_id": "R1", "date": "2026-11-20", "state": "running", "account": "op-1", "begun_at": _WHEN, "round": 1,
    "step": "totals", "done": 0, "of": 3, "differences": 0, "resolved": 0,
}  # fmt: skip
_ERRAND = {
    "visit_id": "V1", "errand_id": "U1", "matter": "charge", "state": "done", "total": "51.00", "charged": "51.00",
    "discharged": False,
}  # fmt: skip
_SHIFT = {
    "terminal": "T001", "number": 7, "closed_at": _WHEN, "rows": 1,
    "settled": {"count": 1, "total": "100.00", "fund": "60.00", "account": "30.00", "cash": "10.00", "bank": "0.00"},
    "cancelled": {"count": 0, "total": "0.00", "fund": "0.00", "account": "0.00", "cash": "0.00", "bank": "0.00"},
    "unknown": {"count": 1, "settlements": ["S2"]},
    "journal": {"after": 10, "last": 42},
}  # fmt: skip
_DEBIT = {
    "debit_id": "D1", "state": "unknown", "why": "card.withdrawn", "card": "A1******3", "individual": "12.30", "pooled": "0.00",
    "account": "his", "terminal": "T1", "way": "HSM", "terminal_number": "999900000007", "transaction_number": "00000001",
    "written_at": "20261120101500", "made_at": _WHEN,
}  # fmt: skip
_DESTINATIONS = {"rows": [{"destination": "his", "configured": True, "waiting": 0, "refused": 0}]}
_CATALOGUE_LOAD = {
    "load_id": "G1", "catalogue": "1301", "way": "full", "account": "", "begun_at": "2026-11-20T03:30:00+08:00",
    "state": "running", "step": "loading", "version": "", "versions": 0, "rows": 500, "of": 2000, "odd": 0,
}  # fmt: skip
_CATALOGUE = {
    "catalogue": "1301", "zh": "西药、中成药目录", "en": "western and patent medicine", "way": "file", "offered": True,
    "version": "", "rows": 0, "newest": _CATALOGUE_LOAD,
}  # fmt: skip
_LETTER = {
    "sequence": 7, "control_id": "P1", "visit_id": "V1", "settlement_id": "S1", "matter": "settled",
    "created_at": "2026-11-21T09:00:00+08:00", "outcome": "refused AE", "destination": "his", "message_control_id": "P1",
}  # fmt: skip
_CAME = {
    "sequence": 7, "link": "his-main", "control_id": "C1", "type": "ADT^A04", "why": "hl7.charset", "digest": "0" * 64,
    "bytes": 5, "at": _WHEN,
}  # fmt: skip
_CHANGE = {
    "proposal": "0" * 32, "matter": "psam", "key": "P1", "decision": "put", "note": "", "proposed_by": "desk-li",
    "proposed_at": _WHEN, "entry": {"status": "lost"},
}  # fmt: skip
_LIST = {"list_id": "L1", "source": "bureau", "mode": "add", "state": "loading", "rows": 1, "expected": 2}
_SIDE = {
    "link_id": "N1", "medium": "treatment-card", "number": "***001", "id_number": "999999************", "name": "测**",
    "made_at": _WHEN, "moved": False,
}  # fmt: skip
_REGISTRY = {
    "registry.list": {
        "entries": [{
            "matter": "psam", "key": "P1", "entry": {"status": "in-use"}, "changed_at": _WHEN, "used_at": _WHEN, "failures": 0,
        }],
        "next_after": "P1", "complete": True,
    },
    "registry.proposals": {"proposals": [_CHANGE]},
    "registry.propose": _CHANGE,
    "registry.approve": _CHANGE | {"state": "approved"},
    "registry.reject": _CHANGE | {"state": "rejected"},
    "registry.lists": {"lists": [_LIST | {"by": "desk-li", "begun_at": _WHEN}]},
    "registry.import_begin": _LIST,
    "registry.import_part": _LIST,
    "registry.import_end": _LIST | {"state": "waiting", "sha256": "0" * 64, "proposal": _CHANGE},
    "registry.link": {"link_id": "N1", "state": "disputed", "conflicts": [{"conflict_id": "X1-0", "kind": "two-media"}]},
    "registry.conflicts": {
        "conflicts": [{"conflict_id": "X1-0", "kind": "two-media", "found_at": _WHEN, "first": _SIDE, "second": _SIDE}],
        "next_after": "X1-0", "complete": True,
    },
    "registry.flags": {
        "flags": [{
            "sequence": 1, "rule": "pin-failures", "zh": "密码", "en": "PIN", "at": _WHEN, "subject": "0" * 16,
            "facts": {"times": "3"}, "acts": [{"act": "pin-verify", "at": _WHEN}],
        }],
        "next_after": 1, "complete": True,
    },
    "registry.flag": {"sequence": 1, "card_number": "A12345678", "id_number": ""},
    "registry.flag_seen": {"sequence": 1, "seen_by": "desk-li"},
}  # fmt: skip
ANSWERS = {
    **_REGISTRY,
    **dict.fromkeys(
        ("inpatient.charge", "inpatient.withdraw_charges", "inpatient.discharge", "inpatient.undo_discharge",
         "visit.withdraw"), _ERRAND,
    ),
    "visit.get": {
        "visit_id": "V1", "kind": "inpatient", "state": "Registered", "visit_number": "M1", "med_type": "2101",
        "insurance": "310", "insured_region": "999900", "cross_region": False, "discharged": False, "charged": "51.00",
        "errands": [
            {"errand_id": "U1", "matter": "charge", "state": "done", "total": "51.00", "lines": 1, "visit_number": "M1",
             "created_at": "2026-11-20T09:30:00+08:00"},
        ],
        "found": [], "settlements": [],
    },
    "card.read": {
        "card_read_id": "R1", "expires_at": _WHEN, "reader": READER,
        "card": {
            "kind": "social-security-card", "region_code": "999999", "card_number": "******567", "spec_version": "2.00",
            "issued_on": "2020-01-01", "expires_on": "2030-01-01",
        },
        "holder": {"name": "张**", "id_number": "999999************", "sex": "1", "nation": "01", "birth_date": "1990-01-01"},
    },
    "patient.register": {
        "visit_id": "V1", "status": "registered", "patient_number": "P1", "visit_number": "M1", "his": "acknowledged",
        "holder": {"name": "张**", "id_number": "999999************", "card_number": "******567"},
        "insurance": {"kind": "310", "person_type": "11", "region": "999999", "balance": "200.00"},
    },
    "settlement.quote": {
        "settlement_id": "S1", "visit_id": "V1", "state": "Quoted", "expires_at": _WHEN, "split": SPLIT,
    },
    "settlement.settle": {
        "settlement_id": "S1", "visit_id": "V1", "state": "Settled", "settlement_number": "C1", "settled_at": _WHEN,
        "message_id": "H1", "certain": True, "split": SPLIT,
    },
    "settlement.cancel": {
        "settlement_id": "S1", "visit_id": "V1", "state": "Cancelled", "settlement_number": "C1", "cancelled_at": _WHEN,
        "message_id": "H2", "split": SPLIT,
    },
    "mobile.order": {
        "settlement_id": "S1", "visit_id": "V1", "state": "Ordered", "order_number": "O1", "expires_at": _WHEN,
        "pay": {"url": "https://cashier.invalid/O1"},
        "amounts": {"total": "100.00", "fund": "60.00", "account": "30.00", "cash": "10.00"},
    },
    "mobile.refund": {
        "settlement_id": "S1", "visit_id": "V1", "state": "Cancelled", "settlement_number": "O1", "cancelled_at": _WHEN,
        "message_id": "H2", "split": SPLIT,
    },
    "settlement.get": {"settlement_id": "S1", "visit_id": "V1", "state": "Settled", "money": "charged", "delivered": True,
        "total": "100.00",
    },
    "settlement.explain": {
        "settlement_id": "S1", "visit_id": "V1", "of": "settled", "certain": True, "total": "100.00", "balance_after": "0.00",
        "payers": [{"code": "cash", "zh": "个人现金支付", "en": "to be paid in person", "amount": "100.00"}], "own": [],
        "items": [], "items_known": True, "items_left_off": 0, "receipt": {"zh": [], "en": []},
    },
    "desk.list": {"rows": [_DOUBT], "next_after": "S1", "complete": True},
    "desk.show": {**_DOUBT, "messages": [], "journal": []},
    "desk.propose": _DOUBT,
    "desk.approve": _DOUBT,
    "desk.reject": _DOUBT,
    "person.find": {
        "visits": [{
            "visit_id": "V1", "state": "Registered", "updated_at": _WHEN,
            "settlements": [{
                "settlement_id": "S1", "state": "Delivered", "total": "100.00", "settlement_number": "C1", "settled_at": "",
            }],
        }],
        "next_after": "V1", "complete": True,
    },
    "inbox.list": {"rows": [_CAME], "next_after": 7, "complete": True},
    "inbox.failed": {"rows": [], "next_after": 7, "complete": True},
    "inbox.retry": {"sequence": 7, "state": "retry"},
    "identity.list": {"rows": [], "next_after": "", "complete": True},
    "identity.show": {"patients": [], "links": []},
    "patient.find_in_his": {
        "outcome": "several", "more": False,
        "patients": [
            {
                "number": "P001", "name": "测试甲", "id_number": "", "birth_date": "19700101", "sex": "1",
                "speaks_for": ["name"], "speaks_against": [],
            },
        ],
    },
    "identity.merge": {
        "proposal": "0" * 32, "matter": "merge", "key": "G2", "decision": "follow", "note": "", "proposed_by": "li",
        "proposed_at": _WHEN,
    },
    "identity.resolve": {
        "proposal": "0" * 32, "matter": "merge", "key": "G1", "decision": "undo", "note": "", "proposed_by": "li",
        "proposed_at": _WHEN,
    },
    "charge.list": {"lines": []},
    "settlement.quote_from_his": {
        "settlement_id": "S1", "visit_id": "V1", "state": "Quoted", "expires_at": _WHEN, "split": SPLIT,
    },
    **dict.fromkeys(
        ("destinations.list", "destinations.propose", "destinations.approve", "destinations.reject"),
        _DESTINATIONS,
    ),
    "catalogue.list": {"catalogues": [_CATALOGUE]},
    "catalogue.show": {"catalogue": _CATALOGUE, "rows": [], "next_after": "", "complete": True},
    **dict.fromkeys(("catalogue.download", "catalogue.status"), _CATALOGUE_LOAD),
    "letters.list": {"rows": [_LETTER], "next_after": 7, "complete": True},
    **dict.fromkeys(
        ("letters.show", "letters.resend", "letters.fix", "letters.discard", "letters.approve", "letters.reject"),
        _LETTER | {"state": "Settled"},
    ),
    "debit.list": {"rows": [_DEBIT], "next_after": "D1", "complete": True},
    **dict.fromkeys(("debit.propose", "debit.approve", "debit.reject"), _DEBIT),
    "inbox.show": _CAME | {"content": "SEVMTE8=", "next_offset": 5, "complete": True, "answered": ""},
    "keys.list": {
        "keys": [{
            "id": "K1", "period": "2026-11", "purpose": "seal", "algorithm": "aes-256-gcm", "state": "retired",
            "made_at": _WHEN, "retired_at": _WHEN, "master": "file:0",
        }],
        "proposals": [_PROPOSED], "resealing": {"column": "person.body", "done": 7},
    },
    "keys.rotate": {"rewrapped": 1, "resealing": True},
    "keys.destroy": _PROPOSED,
    "keys.approve": {"period": "2011-11", "state": "destroyed", "log_cut": True},
    "keys.reject": {"period": "2011-11", "state": "kept"},
    "reconcile.run": _RUN,
    "reconcile.status": _RUN,
    "reconcile.list": {
        "run": _RUN, "next_after": 1, "complete": True,
        "totals": [{
            "insurance": "310", "clearing_type": "11", "agency": "999900", "refunds": "together", "total": "100.00",
            "fund": "60.00", "account": "0.00", "count": 1, "equal": False, "code": "1",
        }],
        "files": [{
            "number": 1, "way": "sent", "date": "2026-11-20", "clearing_type": "11", "agency": "999900",
            "digest": "0" * 64, "rows": 1,
        }],
        "rows": [{
            "number": 1, "date": "2026-11-20", "difference": "only-there", "resolution": "person", "refund": False,
            "message_id": "H9", "settlement_id": "", "settlement_number": "", "ours": {}, "theirs": {"total": "5.00"},
            "file_digest": "0" * 64, "line": 2,
        }],
    },
    "shift.totals": {
        "terminal": "T001", "since": _WHEN, "until": _WHEN,
        "settled": {"count": 1, "total": "100.00", "fund": "60.00", "account": "30.00", "cash": "10.00", "bank": "0.00"},
        "cancelled": {"count": 0, "total": "0.00", "fund": "0.00", "account": "0.00", "cash": "0.00", "bank": "0.00"},
        "unknown": {"count": 0},
    },
    "shift.close": _SHIFT,
    "shift.get": {
        "batch": _SHIFT, "next_after": 1, "complete": True,
        "rows": [{
            "row": 1, "settlement_id": "S1", "kind": "settled", "at": _WHEN,
            "total": "100.00", "fund": "60.00", "account": "30.00", "cash": "10.00", "bank": "0.00",
        }],
    },
}  # fmt: skip


ANSWERS["inpatient.admit"] = ANSWERS["patient.register"]


class FakeCounter:
    """Remembers what it was asked; answers at once, or holds until told (``held``), or raises (``error``)."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.held: list[Deferred] = []
        self.hold = False
        self.error: Exception | None = None
        self.padding = 0

    async def _answer(self, method: str, *what: object) -> dict:
        self.asked.append((method, *what))
        if self.error is not None:
            raise self.error
        if self.hold:
            waiting: Deferred = Deferred()
            self.held.append(waiting)
            await waiting
        answer = dict(ANSWERS[method])
        if self.padding:
            answer["padding"] = "x" * self.padding
        return answer

    def release(self) -> None:
        held, self.held = self.held, []
        for waiting in held:
            waiting.callback(None)

    async def read_card(self, caller, reader):
        return await self._answer("card.read", caller, reader)

    async def register(self, caller, key, order):
        method = "inpatient.admit" if order.kind == "inpatient" else "patient.register"
        return await self._answer(method, caller, key, order)

    async def errand(self, caller, key, method, order):
        return await self._answer(method, caller, key, order)

    async def visit(self, caller, visit_id):
        return await self._answer("visit.get", caller, visit_id)

    async def quote(self, caller, key, order):
        return await self._answer("settlement.quote", caller, key, order)

    async def quote_from_his(self, caller, key, order):
        return await self._answer("settlement.quote_from_his", caller, key, order)

    async def settle(self, caller, key, order):
        return await self._answer("settlement.settle", caller, key, order)

    async def order(self, caller, key, order):
        return await self._answer("mobile.order", caller, key, order)

    async def cancel(self, caller, key, order, method="settlement.cancel"):
        return await self._answer(method, caller, key, order)

    async def get(self, caller, *, settlement_id="", request_id=""):
        return await self._answer("settlement.get", caller, settlement_id, request_id)

    async def explain(self, caller, *, settlement_id="", request_id=""):
        return await self._answer("settlement.explain", caller, settlement_id, request_id)

    async def shift_totals(self, caller, since, until):
        return await self._answer("shift.totals", caller, since, until)

    async def close_shift(self, caller, key, order):
        return await self._answer("shift.close", caller, key, order)

    async def shift(self, caller, number, after, limit):
        return await self._answer("shift.get", caller, number, after, limit)


class FakeDesk:
    """Answers as the counter does."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter

    async def list(self, after, limit):
        return await self._counter._answer("desk.list", after, limit)

    async def show(self, settlement_id):
        return await self._counter._answer("desk.show", settlement_id)

    async def propose(self, caller, settlement_id, decision, evidence):
        return await self._counter._answer("desk.propose", caller, settlement_id, decision, evidence)

    async def approve(self, caller, settlement_id, proposal):
        return await self._counter._answer("desk.approve", caller, settlement_id, proposal)

    async def reject(self, caller, settlement_id, proposal, reason):
        return await self._counter._answer("desk.reject", caller, settlement_id, proposal, reason)


class FakeKeys:
    """Answers as the counter does."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter

    async def list(self):
        return await self._counter._answer("keys.list")

    async def rotate(self, caller, *, rewrap, reseal):
        return await self._counter._answer("keys.rotate", caller, rewrap, reseal)

    async def destroy(self, caller, period):
        return await self._counter._answer("keys.destroy", caller, period)

    async def approve(self, caller, period, proposal):
        return await self._counter._answer("keys.approve", caller, period, proposal)

    async def reject(self, caller, period, proposal):
        return await self._counter._answer("keys.reject", caller, period, proposal)

    async def find(self, caller, *, id_number, card_number, reason, after, limit):
        return await self._counter._answer("person.find", caller, id_number, card_number, reason, after, limit)


class FakeRegistry:
    """Answers as the counter does: each of its desks is itself."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter
        self.desk = self.lists = self.links = self.flags = self

    def holder(self, _caller, _card_read_id):
        raise Fault("card.read_expired")

    def __getattr__(self, name):
        method = {
            "entries": "list", "begin": "import_begin", "part": "import_part", "end": "import_end", "whose": "flag",
            "seen": "flag_seen", "all": "lists",
        }.get(name, name)  # fmt: skip

        async def answer(*told, **more):
            asked = "flags" if "unseen" in more else method
            return await self._counter._answer(f"registry.{asked}", *told, *more.values())

        return answer


class FakeInbox:
    """Answers as the counter does."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter

    async def list(self, after, limit, *, kept_only):
        return await self._counter._answer("inbox.list", after, limit, kept_only)

    async def show(self, caller, sequence, offset):
        return await self._counter._answer("inbox.show", caller, sequence, offset)


class FakeTold:
    """Answers as the counter does: each of its parts is itself."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter
        self.intake = self.identities = self.charges = self

    def __getattr__(self, name):
        method = {
            "failures": "inbox.failed", "retry": "inbox.retry", "matters": "identity.list", "show": "identity.show",
            "resolve": "identity.resolve", "list": "charge.list", "merge": "identity.merge",
        }[name]  # fmt: skip
        return lambda *told, **more: self._counter._answer(method, *told, *more.values())


class FakeFinding:
    """Answers as the counter does."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter

    async def look(self, caller, person, by):
        return await self._counter._answer("patient.find_in_his", caller, person, by)


class FakeLetters:
    """Answers as the counter does."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter

    def __getattr__(self, name):
        return lambda *told, **more: self._counter._answer(f"letters.{name}", *told, *more.values())


class FakeDestinations(FakeLetters):
    """Answers as the counter does."""

    def __getattr__(self, name):
        return lambda *told, **more: self._counter._answer(f"destinations.{name}", *told, *more.values())


class FakeCatalogues(FakeLetters):
    """Answers as the desk of catalogues does."""

    def __getattr__(self, name):
        called = {"all": "list"}.get(name, name)
        return lambda *told, **more: self._counter._answer(f"catalogue.{called}", *told, *more.values())


class FakeDebits(FakeLetters):
    """Answers as the counter does."""

    def __getattr__(self, name):
        return lambda *told, **more: self._counter._answer(f"debit.{name}", *told, *more.values())


class FakeReconciliation:
    """Answers as the counter does."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter

    async def run(self, caller, day):
        return await self._counter._answer("reconcile.run", caller, day)

    async def status(self, run_id):
        return await self._counter._answer("reconcile.status", run_id)

    async def list(self, run_id, after, limit):
        return await self._counter._answer("reconcile.list", run_id, after, limit)


class FakeReaders:
    """One empty reader, and whoever watches it."""

    def __init__(self) -> None:
        self.watchers: list[Callable[[CardEvent], None]] = []

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    def health(self) -> PartHealth:
        return PartHealth("readers", Condition.GOOD)

    def statuses(self) -> tuple[ReaderStatus, ...]:
        return (ReaderStatus(READER, "empty"),)

    async def read_card(self, reader: str):
        raise Fault("card.absent")

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        self.watchers.append(observer)
        return lambda: self.watchers.remove(observer)

    def insert(self) -> None:
        for observer in tuple(self.watchers):
            observer(CardEvent("inserted", READER, NOON))


class FakeMedia:
    """Old media: what is typed is a card's content."""

    def __init__(self, counter: FakeCounter) -> None:
        self._counter = counter

    async def present(self, caller, reader, _text):
        return await self._counter.read_card(caller, reader)

    async def number(self, _caller, reader, _text):
        return {"reader": reader, "kind": "treatment-card", "number": "0012345678"}


class FakeFeed:
    """A chain of rows in memory."""

    def __init__(self, count: int = 0) -> None:
        self.rows: list[FeedRow] = []
        self.hold: Deferred | None = None
        self.error: Exception | None = None
        for _ in range(count):
            self.append()

    def append(self) -> None:
        number = len(self.rows) + 1
        previous = self.rows[-1].hash if self.rows else "0" * 64
        line = json.dumps({"sequence": number, "settlement": f"S{number}", "name": "张**"}, ensure_ascii=False)
        digest = hashlib.new("sm3", f"{previous}\n{line}".encode()).hexdigest()
        self.rows.append(FeedRow(number, previous, digest, line))

    async def page(self, after: int, limit: int) -> FeedPage:
        if self.error is not None:
            raise self.error
        if self.hold is not None:
            await self.hold
        head = self.rows[-1] if self.rows else None
        return FeedPage(
            tuple(self.rows[after : after + limit]), head.sequence if head else 0, head.hash if head else "0" * 64
        )


@define
class Door:
    """A socket door with fakes behind it."""

    api: LocalApi
    counter: FakeCounter
    readers: FakeReaders
    seen: list[tuple[str, str, float]] = field(factory=list)


def token_table() -> TokenTable:
    return TokenTable({hashlib.sha256(token.encode()).digest(): caller for token, caller in TOKENS.items()})


def open_door(reactor, options: LocalApiOptions, health=()) -> Door:
    counter, readers, seen = FakeCounter(), FakeReaders(), []
    business = Business(
        counter,
        readers,
        [readers.health, *health],
        reactor,
        lambda: NOON,
        "0.0-test",
        FakeDesk(counter),
        FakeReconciliation(counter),
        FakeKeys(counter),
        FakeRegistry(counter),
        FakeInbox(counter),
        FakeCards(counter, READER, NOON),
        FakeDriver(),
        FakeMedia(counter),
        FakeLetters(counter),
        destinations=FakeDestinations(counter),
        debits=FakeDebits(counter),
        told=FakeTold(counter),
        finding=FakeFinding(counter),
        catalogues=FakeCatalogues(counter),
    )
    api = LocalApi(options, business, token_table(), reactor, lambda *what: seen.append(what))
    return Door(api, counter, readers, seen)


async def in_thread(reactor, work: Callable, *args):
    """Run blocking client code beside the reactor, in a thread of its own."""
    done: Deferred = Deferred()

    def run() -> None:
        try:
            result = work(*args)
        except BaseException as exc:  # noqa: BLE001 - handed to the test
            reactor.callFromThread(done.errback, exc)
        else:
            reactor.callFromThread(done.callback, result)

    threading.Thread(target=run, daemon=True).start()
    return await done
