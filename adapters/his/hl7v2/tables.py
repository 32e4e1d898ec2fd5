"""What HL7 v2 writes down: code tables, the fields that we send with their data types, and the segment of our own.

Sources: HL7 2.5 chapters 2, 3 and 6 with tables 0001, 0008, 0017, 0155, 0203, 0211; GB/T 2261.1-2003 for sex. The
simulator knows none of this: it has its own reading of the standard.
"""

from __future__ import annotations

from attrs import frozen

VERSIONS = ("2.5", "2.4")

# Table 0008. The bool says whether the HIS has the message.
ACK_CODES: dict[str, bool] = {"AA": True, "CA": True, "AE": False, "AR": False, "CE": False, "CR": False}

# The event of an ADT -> the structure that it is sent as (table 0354). A28 and A31 are the person's, without a visit's rows.
ADT_STRUCTURES: dict[str, str] = {
    "A01": "ADT_A01", "A04": "ADT_A01", "A08": "ADT_A01", "A28": "ADT_A05", "A31": "ADT_A05", "A40": "ADT_A39",
    "A37": "ADT_A37",
}  # fmt: skip
REGISTER_EVENTS = ("A04", "A28", "A08", "A31")  # of an outpatient; an admission is always A01
UPDATE_EVENTS = ("", "A08", "A31")
EVENTS_OF_A_VISIT = frozenset({"A08"})
MERGE_EVENTS, UNMERGE_EVENTS = ("", "A40"), ("", "A37")

# Queries: the event, and QPD-1 as the standard (or, of ZP7, the sites) write it.
QUERY_NAMES: dict[str, tuple[str, ...]] = {
    "Q22": ("Q22", "Find Candidates", "HL70471"),
    "Q23": ("Q23", "Get Corresponding IDs", "HL70471"),
    "ZP7": ("ZP7", "Find Candidates", "HL7v2.4"),
}
QUERIES = ("", *QUERY_NAMES)
BY_NUMBER = "Q23"
BY_ID, BY_ID_TYPE = "@PID.3.1", "@PID.3.5"
IMMEDIATELY, RECORDS, REAL_TIME = "I", "RD", "R"  # RCP: tables 0091, 0126, 0394

# Accounts (BAR): beside DFT^P03, or in its place.
BESIDES, INSTEAD = "besides", "instead"
ACCOUNT_MODES = ("", BESIDES, INSTEAD)
ACCOUNT_OPENED = "P01"

# Where a site reads the hospital's own references.
APPOINTMENT_FIELDS_OF_PV1: dict[str, int] = {"PV1-5": 5, "PV1-50": 50}
OWN_APPOINTMENT, OWN_ORDERS = "ZRF-2", "ZRF-3"
APPOINTMENT_FIELDS = ("", *APPOINTMENT_FIELDS_OF_PV1, OWN_APPOINTMENT)
PLACER_ORDER, FILLER_ORDER, LINE_ORDER = "ORC-2", "ORC-3", "FT1-23"
ORDER_FIELDS = ("", PLACER_ORDER, FILLER_ORDER, LINE_ORDER, OWN_ORDERS)
ORDER_STATUS = "SC"  # table 0119: status changed; the order itself is the HIS's

# Table 0155.
ACK_CONDITIONS = ("AL", "NE", "ER", "SU", "")

# MSH-16 with which an accept answer (CA) is followed by an application answer when the HIS has done it. With NE and ER
# there is none when all went well, so that CA is the end.
ANSWERS_TWICE = frozenset({"AL", "SU"})
ONLY_ERRORS = "ER"  # silence after CA is a yes
ANSWERS_LATER = ANSWERS_TWICE | {ONLY_ERRORS}
COMMIT_ACCEPTED = "CA"

# GB/T 2261.1 -> table 0001; "not known" and "not said" are both U, and whatever else a card may hold is O (other).
SEX: dict[str, str] = {"1": "M", "2": "F", "0": "U", "9": "U", "": "U"}
SEX_OTHER = "O"

# The centre's insutype -> what a person at the HIS reads beside the code.
INSURANCE_NAMES: dict[str, str] = {
    "310": "职工基本医疗保险", "320": "公务员医疗补助", "330": "大额医疗费用补助", "340": "离休人员医疗保障",
    "390": "城乡居民基本医疗保险", "392": "城乡居民大病医疗保险", "410": "长期照护保险", "510": "生育保险",
}  # fmt: skip

# Table 0017: CG charge, CD credit. Some sites read CR for a credit: the option ``credit_type`` says which.
CHARGE, CREDIT = "CG", "CD"
CURRENCY = "CNY"
OUTPATIENT, INPATIENT, NO_CLASS = "O", "I", "N"  # table 0004
VISIT_NUMBER_TYPE = "VN"  # table 0203
LEGAL_NAME, UNSPECIFIED_NAME = "L", "U"  # table 0200
NATION_SYSTEM = "99GB3304"  # table 0396: 99zzz is a local code system
CENTRE_SYSTEM = "99NHSA"
HOSPITAL_SYSTEM = "L"

# ZST-2.
ZST_SETTLED, ZST_CANCELLED = "S", "C"

# -- data types: a composite is the list of its components, as far as we fill it
COMPOSITES: dict[str, tuple[str, ...]] = {
    "CE": ("ST", "ST", "ID", "ST", "ST", "ID"),
    "CP": ("MO",),
    "CQ": ("NM", "CE"),
    "CX": ("ST", "ST", "ID", "HD", "ID", "HD", "DT", "DT"),
    "DR": ("TS", "TS"),
    "EI": ("ST",),
    "FN": ("ST",),
    "HD": ("IS", "ST", "ID"),
    "MO": ("NM", "ID"),
    "MSG": ("ID", "ID", "ID"),
    "PL": ("IS", "IS", "IS", "HD", "IS", "IS", "IS", "IS", "ST"),
    "PT": ("ID",),
    "TS": ("DTM",),
    "VID": ("ID",),
    "XCN": ("ST", "FN"),
    "XON": ("ST",),
    "XPN": ("FN", "ST", "ST", "ST", "ST", "IS", "ID"),
    "XTN": ("ST",),
}

# Longest value of a base type, in characters: hl7apy's own limits, and 20 for ID, where it has none.
MAX_LENGTH: dict[str, int] = {"ST": 199, "IS": 20, "ID": 20, "SI": 4, "NM": 16, "DT": 8, "DTM": 24}

# The fields that we fill. A field that is not here cannot be sent.
FIELDS: dict[str, dict[int, str]] = {
    "MSH": {
        1: "ST", 2: "ST", 3: "HD", 4: "HD", 5: "HD", 6: "HD", 7: "TS", 9: "MSG", 10: "ST", 11: "PT", 12: "VID",
        15: "ID", 16: "ID", 17: "ID", 18: "ID",
    },
    "EVN": {1: "ID", 2: "TS", 6: "TS"},
    "PID": {1: "SI", 3: "CX", 5: "XPN", 7: "TS", 8: "IS", 13: "XTN", 18: "CX", 19: "ST", 22: "CE"},
    "MRG": {1: "CX", 7: "XPN"},
    "PV1": {1: "SI", 2: "IS", 3: "PL", 5: "CX", 7: "XCN", 19: "CX", 44: "TS", 50: "CX"},
    "QPD": {1: "CE", 2: "ST", 3: "CX"},  # 3: QIP of Q22 and ZP7, whose two texts a CX has too
    "RCP": {1: "ID", 2: "CQ", 3: "CE"},
    "ORC": {1: "ID", 2: "EI", 3: "EI"},
    "FT1": {
        1: "SI", 2: "ST", 4: "DR", 5: "TS", 6: "IS", 7: "CE", 10: "NM", 11: "CP", 12: "CP", 13: "CE", 14: "CE",
        20: "XCN", 23: "EI",
    },
    "IN1": {1: "SI", 2: "CE", 3: "CX", 11: "XON", 49: "CX"},
    "ZST": {
        1: "SI", 2: "ID", 3: "ST", 4: "ST", 5: "ST", 6: "TS", 7: "CE", 8: "MO", 9: "MO", 10: "MO", 11: "MO", 12: "MO",
        13: "MO", 14: "MO",
    },
    "ZRF": {1: "SI", 2: "ST", 3: "ST"},
}  # fmt: skip

# Where 2.4 differs from 2.5 in what we fill.
FIELDS_OF_24: dict[tuple[str, int], str] = {("FT1", 4): "TS"}

# A tighter bound than the data type's own (HL7 2.5, 2.15.9.10).
FIELD_LENGTH: dict[tuple[str, int], int] = {("MSH", 10): 20}


@frozen(slots=True)
class ProfileField:
    """One field of a segment of our own, as an integrator reads it and as hl7apy is told it."""

    number: int
    datatype: str
    name: str
    required: bool
    meaning: str
    repeats: bool = False


# ZST, settlement: one at the end of each DFT^P03. Amounts are yuan with two places; on a cancellation they are negative.
ZST: tuple[ProfileField, ...] = (
    ProfileField(1, "SI", "SET_ID_ZST", True, "always 1"),
    ProfileField(2, "ID", "SETTLEMENT_ACTION", True, "S settled, C that settlement was cancelled"),
    ProfileField(3, "ST", "SETTLEMENT_NUMBER", True, "the centre's settlement number (setl_id)"),
    ProfileField(4, "ST", "SETTLEMENT_ID", True, "our own settlement id"),
    ProfileField(5, "ST", "CENTRE_VISIT_NUMBER", True, "the centre's visit number (mdtrt_id)"),
    ProfileField(6, "TS", "SETTLED_AT", True, "when, by the centre's clock"),
    ProfileField(7, "CE", "INSURANCE_KIND", False, "the centre's insutype and its name"),
    ProfileField(8, "MO", "TOTAL_AMOUNT", True, "the whole bill"),
    ProfileField(9, "MO", "FUND_AMOUNT", True, "paid by the insurance funds"),
    ProfileField(10, "MO", "ACCOUNT_AMOUNT", True, "paid from the personal account, the family's part included"),
    ProfileField(11, "MO", "CASH_AMOUNT", True, "paid by the patient"),
    ProfileField(12, "MO", "HOSPITAL_AMOUNT", True, "borne by the hospital"),
    ProfileField(13, "MO", "FAMILY_ACCOUNT_AMOUNT", True, "of the account's part: from a relative's account"),
    ProfileField(14, "MO", "ACCOUNT_BALANCE_AFTER", True, "what is left on the account; never negated"),
)

# ZRF, references: at the end, where the site reads them there.
ZRF: tuple[ProfileField, ...] = (
    ProfileField(1, "SI", "SET_ID_ZRF", True, "always 1"),
    ProfileField(2, "ST", "APPOINTMENT", False, "the hospital's number of the appointment"),
    ProfileField(3, "ST", "ORDER_NUMBER", False, "the hospital's numbers of the orders that are paid for", repeats=True),
)
OWN: dict[str, tuple[ProfileField, ...]] = {"ZST": ZST, "ZRF": ZRF}

# Which of our own segments end a structure; the bool says whether it must.
OWN_OF: dict[str, dict[str, bool]] = {
    "ADT_A01": {"ZRF": False},
    "ADT_A05": {"ZRF": False},
    "BAR_P01": {"ZST": False, "ZRF": False},
    "BAR_P06": {"ZST": False, "ZRF": False},
    "DFT_P03": {"ZST": True, "ZRF": False},
}
