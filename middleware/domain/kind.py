"""The centre's transactions by name, what kind each is, and which of them a kind of visit uses.

No part of the flow compares a call with one literal member to learn what it means: it asks the families here, or the
table of the visit's kind.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Call(StrEnum):
    """The centre's transactions that the counter uses; the value is the code that the centre knows (infno)."""

    SIGN_IN = "9001"
    SIGN_OUT = "9002"
    QUERY_PERSON = "1101"
    CHECK_BENEFITS = "2001"
    PHARMACY_PRE_SETTLE = "2101"
    PHARMACY_SETTLE = "2102"
    PHARMACY_CANCEL = "2103"
    REGISTER_VISIT = "2201"
    WITHDRAW_VISIT = "2202"
    UPLOAD_VISIT = "2203"
    UPLOAD_PHARMACY_VISIT = "2203A"
    UPLOAD_CHARGES = "2204"
    WITHDRAW_CHARGES = "2205"
    PRE_SETTLE = "2206"
    SETTLE = "2207"
    CANCEL = "2208"
    UPLOAD_STAY_CHARGES = "2301"
    WITHDRAW_STAY_CHARGES = "2302"
    STAY_PRE_SETTLE = "2303"
    STAY_SETTLE = "2304"
    STAY_CANCEL = "2305"
    ADMIT = "2401"
    DISCHARGE = "2402"
    CHANGE_ADMISSION = "2403"
    WITHDRAW_ADMISSION = "2404"
    WITHDRAW_DISCHARGE = "2405"
    FILE_REFERRAL = "2501"
    WITHDRAW_REFERRAL = "2502"
    FILE_DISEASE = "2503"
    WITHDRAW_DISEASE = "2504"
    FILE_INSTITUTION = "2505"
    WITHDRAW_INSTITUTION = "2506"
    FILE_ACCIDENT = "2507"
    REVERSE = "2601"
    QUERY_VISITS = "5201"
    QUERY_DIAGNOSES = "5202"
    QUERY_SETTLEMENT = "5203"
    QUERY_CHARGES = "5204"
    QUERY_MEDICATION = "5205"
    QUERY_ACCUMULATIONS = "5206"
    QUERY_DISEASES = "5301"
    QUERY_INSTITUTIONS = "5302"
    QUERY_STAYS = "5303"
    QUERY_REFERRALS = "5304"
    COMPARE_TOTALS = "3201"
    COMPARE_DETAIL = "3202"
    UPLOAD_FILE = "9101"
    DOWNLOAD_FILE = "9102"
    CATALOGUE_WESTERN = "1301"
    CATALOGUE_HERBAL = "1302"
    CATALOGUE_SELF_MADE = "1303"
    CATALOGUE_SERVICES = "1305"
    CATALOGUE_MATERIALS = "1306"
    CATALOGUE_DIAGNOSES = "1307"
    CATALOGUE_OPERATIONS = "1308"
    CATALOGUE_CHRONIC = "1309"
    CATALOGUE_INSURED = "1312"
    CATALOGUE_MAPPING = "1317"
    CATALOGUE_LIMITS = "1318"
    CATALOGUE_SHARES = "1319"
    DICTIONARY = "1901"
    # Of the channel of mobile payment, which has no other transaction of ours.
    OPEN_ORDER = "6201"
    PLACE_ORDER = "6202"
    REFUND_ORDER = "6203"
    QUERY_ORDER = "6301"
    # Of centres before 2021; the numbers are ours, no list of the platform's has them.
    CONFIRM = "9901"
    CHECK = "9902"


REGISTER_CALLS = frozenset({Call.REGISTER_VISIT, Call.ADMIT})
UPLOAD_VISIT_CALLS = frozenset({Call.UPLOAD_VISIT, Call.UPLOAD_PHARMACY_VISIT})
CHARGE_CALLS = frozenset({Call.UPLOAD_CHARGES, Call.UPLOAD_STAY_CHARGES})
PRE_SETTLE_CALLS = frozenset({Call.PRE_SETTLE, Call.PHARMACY_PRE_SETTLE, Call.STAY_PRE_SETTLE})
SETTLE_CALLS = frozenset({Call.SETTLE, Call.PHARMACY_SETTLE, Call.STAY_SETTLE, Call.PLACE_ORDER})
CANCEL_CALLS = frozenset({Call.CANCEL, Call.PHARMACY_CANCEL, Call.STAY_CANCEL, Call.REFUND_ORDER})
# Whatever their answers say, the order's own state is asked: no text promises that a lost one did nothing.
MOBILE_CALLS = frozenset({Call.OPEN_ORDER, Call.PLACE_ORDER, Call.REFUND_ORDER, Call.QUERY_ORDER})
# Where a region wants it: the call after the centre's yes to a settle, without whose own yes nothing is settled.
FINISH_CALLS = frozenset({Call.CONFIRM, Call.CHECK})
# A lost answer to one of these may have moved money; none is ever sent twice (SETTLEMENT.md).
MONEY_CALLS = frozenset({*SETTLE_CALLS, *CANCEL_CALLS, *FINISH_CALLS, Call.REVERSE})


class VisitKind(StrEnum):
    """How a visit is done with the centre. What it is treated for is its ``med_type``."""

    OUTPATIENT = "outpatient"  # emergency, chronic disease, maternity and the like are this with other data
    PHARMACY = "pharmacy"  # a sale over the counter: nothing is registered, the settlement carries the lines
    INPATIENT = "inpatient"  # a stay, settled without a deposit when it ends


@frozen(slots=True)
class Calls:
    """Which transaction does what for one kind of visit; None where the kind has no such thing."""

    register: Call | None
    upload_visit: Call | None
    upload_charges: Call | None
    withdraw_charges: Call | None
    pre_settle: Call
    settle: Call
    cancel: Call
    discharge: Call | None = None
    undo_register: Call | None = None
    undo_discharge: Call | None = None
    change: Call | None = None


CALLS: dict[VisitKind, Calls] = {
    VisitKind.OUTPATIENT: Calls(
        register=Call.REGISTER_VISIT,
        upload_visit=Call.UPLOAD_VISIT,
        upload_charges=Call.UPLOAD_CHARGES,
        withdraw_charges=Call.WITHDRAW_CHARGES,
        pre_settle=Call.PRE_SETTLE,
        settle=Call.SETTLE,
        cancel=Call.CANCEL,
        undo_register=Call.WITHDRAW_VISIT,
    ),
    VisitKind.PHARMACY: Calls(
        register=None,
        upload_visit=None,
        upload_charges=None,
        withdraw_charges=None,
        pre_settle=Call.PHARMACY_PRE_SETTLE,
        settle=Call.PHARMACY_SETTLE,
        cancel=Call.PHARMACY_CANCEL,
    ),
    VisitKind.INPATIENT: Calls(
        register=Call.ADMIT,
        upload_visit=None,
        upload_charges=Call.UPLOAD_STAY_CHARGES,
        withdraw_charges=Call.WITHDRAW_STAY_CHARGES,
        pre_settle=Call.STAY_PRE_SETTLE,
        settle=Call.STAY_SETTLE,
        cancel=Call.STAY_CANCEL,
        discharge=Call.DISCHARGE,
        undo_register=Call.WITHDRAW_ADMISSION,
        undo_discharge=Call.WITHDRAW_DISCHARGE,
        change=Call.CHANGE_ADMISSION,
    ),
}
