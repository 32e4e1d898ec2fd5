"""The synthetic people whom every simulator knows: one record a person, one short key for all of them.

Nobody here exists: area 999999 is assigned to no county, names and dates are invented, and the check characters of id
number and card number are right (tests/simulators/card_people_test.py holds them to the standard).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

REGION = "999900"
EMPLOYEE = "310"  # 职工基本医疗保险
RESIDENT = "390"  # 城乡居民基本医疗保险
CADRE = "340"  # 离休人员医疗保障
MATERNITY = "510"  # 生育保险
WORK_INJURY = "410"  # 工伤保险, as the test region codes it


@frozen(slots=True, repr=False)
class CardPerson:
    """One synthetic person and the card that he or she holds.

    Texts are as the domain has them: ``sex`` GB/T 2261.1, ``nation`` two digits of GB 3304, ``birthplace`` six digits,
    ``card_id_code`` and ``issuing_organisation`` upper-case hex. ``insurance`` is the centre's kind of insurance.
    """

    key: str
    name: str
    id_number: str
    sex: str
    nation: str
    birth_date: dt.date
    card_number: str  # nine characters, the last one a check character
    card_id_code: str  # 32 hex digits, the region first
    insurance: str
    birthplace: str = "999999"
    spec_version: str = "2.00"
    region: str = REGION
    card_class: str = "1"
    issuing_organisation: str = "999900000000000000000001"
    issued_on: dt.date = dt.date(2018, 3, 1)
    expires_on: dt.date = dt.date(2068, 2, 29)

    def __repr__(self) -> str:
        return f"CardPerson({self.key})"


# fmt: off
_ROWS = (
    # an employee with money on the individual account
    CardPerson(
        "employee", "张伟民", "999999197405123114", "1", "01", dt.date(1974, 5, 12),
        "A10000015", "9999000000000000000000115A1C7E01", EMPLOYEE,
    ),
    CardPerson(
        "resident", "李秀英", "999999198809234229", "2", "01", dt.date(1988, 9, 23),
        "A10000023", "9999000000000000000000225A1C7E02", RESIDENT,
    ),
    # the reply to the settlement is lost on the wire
    CardPerson(
        "lost-reply", "王建国", "999999196511081339", "1", "01", dt.date(1965, 11, 8),
        "A10000031", "9999000000000000000000335A1C7E03", EMPLOYEE,
    ),
    # the centre refuses
    CardPerson(
        "refused", "赵丽华", "999999199302172641", "2", "03", dt.date(1993, 2, 17),
        "A1000004X", "9999000000000000000000445A1C7E04", RESIDENT,
    ),
    # takes the card out while it is being read
    CardPerson(
        "pulled", "陈志强", "999999200006303550", "1", "01", dt.date(2000, 6, 30),
        "A10000058", "9999000000000000000000555A1C7E05", EMPLOYEE,
    ),
    # a given name outside the two-byte part of GB18030
    CardPerson(
        "four-byte", "张𬭎", "999999198204191764", "2", "01", dt.date(1982, 4, 19),
        "A10000066", "9999000000000000000000665A1C7E06", EMPLOYEE, spec_version="2.01",
    ),
    # 34 bytes: needs tag 4E, and the cut after byte 30 falls inside a four-byte character
    CardPerson(
        "long-name", "阿卜杜热合曼·买买提托合提·𬭎江", "999999197901012878", "1", "05", dt.date(1979, 1, 1),
        "A10000074", "9999000000000000000000775A1C7E07", RESIDENT, spec_version="2.01",
    ),
    CardPerson(
        "expired", "孙玉兰", "999999195712243985", "2", "01", dt.date(1957, 12, 24),
        "A10000082", "9999000000000000000000885A1C7E08", EMPLOYEE,
        issued_on=dt.date(2009, 6, 1), expires_on=dt.date(2019, 5, 31),
    ),
    # a first-generation card: no tag 4E at all
    CardPerson(
        "first-generation", "周文斌", "999999198503051198", "1", "01", dt.date(1985, 3, 5),
        "A10000090", "9999000000000000000000995A1C7E09", EMPLOYEE, spec_version="1.00",
    ),
    # holder data behind RKSSSE: cannot be read without authentication
    CardPerson(
        "third-generation", "吴晓燕", "999999199107157729", "2", "01", dt.date(1991, 7, 15),
        "A10000103", "9999000000000000000000AA5A1C7E0A", EMPLOYEE, spec_version="3.00",
    ),
    # a retired cadre: everything in scope is paid
    CardPerson(
        "cadre", "郑怀远", "999999193808093118", "1", "01", dt.date(1938, 8, 9),
        "A10000111", "99990000000000000000000B5A1C7E0B", CADRE,
    ),
    # an employee with an insurance of maternity of its own
    CardPerson(
        "maternity", "何雨桐", "999999199506213126", "2", "01", dt.date(1995, 6, 21),
        "A1000012X", "99990000000000000000000C5A1C7E0C", EMPLOYEE,
    ),
    # has a filing for a listed chronic disease
    CardPerson(
        "chronic", "罗成业", "999999196103143131", "1", "01", dt.date(1961, 3, 14),
        "A10000138", "99990000000000000000000D5A1C7E0D", EMPLOYEE,
    ),
    # insured in another province, which the test region takes
    CardPerson(
        "elsewhere", "梁思远", "999999198609273151", "1", "01", dt.date(1986, 9, 27),
        "A10000146", "99990000000000000000000E5A1C7E0E", EMPLOYEE,
    ),
    # insured in another province, which the test region does not take
    CardPerson(
        "far-away", "宋佳宁", "999999199011303146", "2", "01", dt.date(1990, 11, 30),
        "A10000154", "99990000000000000000000F5A1C7E0F", EMPLOYEE,
    ),
    # an employee with an insurance for injuries at work
    CardPerson(
        "injured", "唐立群", "999999198307173155", "1", "01", dt.date(1983, 7, 17),
        "A10000162", "9999000000000000000000105A1C7E10", EMPLOYEE,
    ),
    # a resident whose share is borne in part by medical assistance
    CardPerson(
        "relief", "邓秀梅", "999999197003053248", "2", "01", dt.date(1970, 3, 5),
        "A10000170", "9999000000000000000000115A1C7E11", RESIDENT,
    ),
    # an employee with a civil servant's subsidy
    CardPerson(
        "civil-servant", "曹明远", "999999196905143176", "1", "01", dt.date(1969, 5, 14),
        "A10000189", "9999000000000000000000125A1C7E12", EMPLOYEE,
    ),
    # a resident with an insurance for serious illness beside
    CardPerson(
        "serious-illness", "彭桂芳", "99999919780219328X", "2", "01", dt.date(1978, 2, 19),
        "A10000197", "9999000000000000000000135A1C7E13", RESIDENT,
    ),
)
# fmt: on

PEOPLE: Mapping[str, CardPerson] = MappingProxyType({row.key: row for row in _ROWS})
