"""The resident health card (居民健康卡), as declarations: DDF1 and the three applications under it.

Facts: the card's application specification V1.0 (2012), as one implementation's tables have its files, tags, widths and keys; the
text was not available. Where that implementation gives no coding of a value, its bytes are shown as they are.
What is free (DDF1/EF05) has the card number, which is the citizen id number, and no name: it is no identity by itself.
"""

from __future__ import annotations

from itertools import count

from readers.cards.declaration import Access, CardFile, Environment, Item, Structure
from readers.cards.rows import ASCII, BYTES, CN, DATE, GB18030, Place, row

_SPEC = "application specification V1.0 (2012), as in one implementation's tables; not confirmed on a card"
ROOT = 0xDDF1
CARD_KEY, APPLICATION_KEY = 0x04, 0x84  # references of the read keys: of DDF1, and of each application under it
_CERTIFICATE = "3082" + "00" * 178

# fmt: off
_IN = Place("DDF1", _SPEC)
ISSUER = _IN.file(0xEF05, ("发卡机构基本数据", "issuer data"), Access.FREE, (
    row(0x01, "卡的类别", "card class", 1, ASCII, "31", "1", personal=False),
    row(0x02, "规范版本", "spec version", 4, ASCII, "312E3030", "1.00", personal=False),
    row(0x03, "发卡机构名称", "issuer's name", 30, GB18030, "B2E2CAD4CEC0BDA1CEAF", "测试卫健委", personal=False),
    row(0x04, "发卡机构代码", "issuer's code", 11, CN, "9999000000000000000001", "9999000000000000000001", personal=False),
    row(0x05, "发卡机构证书", "issuer's certificate", 180, BYTES, _CERTIFICATE, _CERTIFICATE),
    row(0x06, "发卡时间", "issued on", 4, DATE, "20180301", "2018-03-01", personal=False),
    row(0x08, "卡号（与居民身份证号一致）", "card number, which is the citizen id number", 18, ASCII, "393939393939313937343035313233313134", "999999197405123114"),
    row(0x09, "安全码", "security code", 3, ASCII, "303031", "001"),
    row(0x0A, "芯片序列号", "chip serial number", 10, ASCII, "30303030303030303031", "0000000001"),
    row(0x39, "应用城市代码", "city of the application", 3, CN, "999900", "999900", personal=False),
), structure=Structure.ORDERED)
HOLDER = _IN.file(0xEF06, ("持卡人基本信息", "holder data"), Access.READ_KEY, (
    row(0x0B, "姓名", "name", 30, GB18030, "D5C5CEB0C3F1", "张伟民"),
    row(0x0C, "性别代码", "sex", 1, BYTES, "01", "01"),
    row(0x0D, "民族代码", "nation", 1, CN, "01", "01"),
    row(0x0E, "出生日期", "birth date", 4, DATE, "19740512", "1974-05-12"),
    row(0x0F, "居民身份证号", "citizen id number", 18, ASCII, "393939393939313937343035313233313134", "999999197405123114"),
), structure=Structure.ORDERED, key=CARD_KEY)
PHOTO = _IN.file(0xEF07, ("照片", "photo: two bytes of length, then the picture"), Access.READ_KEY,
                 structure=Structure.TRANSPARENT, extent=3072, key=CARD_KEY)
VALIDITY = _IN.file(0xEF08, ("有效期与联系方式", "validity and telephones"), Access.READ_KEY, (
    row(0x07, "卡有效期", "valid until", 4, DATE, "20680229", "2068-02-29"),
    row(0x10, "本人电话一", "telephone 1", 20, ASCII, "3030303030303030303031", "00000000001"),
    row(0x11, "本人电话二", "telephone 2", 20, ASCII, "3030303030303030303032", "00000000002"),
    row(0x12, "医疗费用支付方式一", "way of paying 1", 1, CN, "01", "01"),
    row(0x13, "医疗费用支付方式二", "way of paying 2", 1, CN, "02", "02"),
    row(0x14, "医疗费用支付方式三", "way of paying 3", 1, CN, "07", "07"),
), structure=Structure.ORDERED, key=CARD_KEY)
DDF1 = Environment(
    "DDF1", b"", "居民健康卡", "resident health card", (ISSUER, HOLDER, PHOTO, VALIDITY), _SPEC, identifiers=(ROOT,)
)

_PERSON = Place("DDF1/DF01", _SPEC)


def _contact(number: int, first: int) -> tuple[Item, ...]:
    """The three items of one person to be called."""
    return (
        row(first, f"联系人姓名{number}", f"contact {number}: name", 30, GB18030, "C0EED0E3D3A2", "李秀英"),
        row(first + 1, f"联系人关系{number}", f"contact {number}: relation", 1, CN, "01", "01"),
        row(first + 2, f"联系人电话{number}", f"contact {number}: telephone", 20, ASCII, "3030303030303030303033", "00000000003"),
    )


PERSON = Environment(
    "DDF1/DF01", b"", "个人信息", "personal data",
    (
        _PERSON.file(0xEF05, ("地址", "addresses"), Access.READ_KEY, (
            row(0x15, "地址类别一", "kind of address 1", 1, CN, "01", "01"),
            row(0x16, "地址一", "address 1", 100, GB18030, "B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5", "测试省测试市一号"),
            row(0x17, "地址类别二", "kind of address 2", 1, CN, "02", "02"),
            row(0x18, "地址二", "address 2", 100, GB18030, "B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5", "测试省测试市一号"),
        ), structure=Structure.ORDERED, key=APPLICATION_KEY),
        _PERSON.file(0xEF06, ("联系人", "contacts"), Access.READ_KEY,
                     (*_contact(1, 0x19), *_contact(2, 0x1C), *_contact(3, 0x1F)), structure=Structure.ORDERED, key=APPLICATION_KEY),
        _PERSON.file(0xEF07, ("职业婚姻", "education, marriage, occupation"), Access.READ_KEY, (
            row(0x22, "文化程度代码", "education", 1, CN, "20", "20"),
            row(0x23, "婚姻状况代码", "marital status", 1, CN, "20", "20"),
            row(0x24, "职业代码", "occupation", 3, ASCII, "303031", "001"),
        ), structure=Structure.ORDERED, key=APPLICATION_KEY),
        _PERSON.file(0xEF08, ("证件记录", "documents"), Access.READ_KEY, (
            row(0x25, "证件类别", "kind of document", 1, CN, "01", "01"),
            row(0x26, "证件号码", "document number", 18, ASCII, "393939393939313937343035313233313134", "999999197405123114"),
            row(0x27, "健康档案编号", "health record number", 17, ASCII, "3939393939393030303030303030303031", "99999900000000001"),
            row(0x28, "新农合证（卡）号", "number of the rural cooperative scheme", 18, ASCII, "393939393939303030303030303030303031", "999999000000000001"),
        ), structure=Structure.ORDERED, key=APPLICATION_KEY),
    ),
    _SPEC, identifiers=(ROOT, 0xDF01),
)

_CLINICAL = Place("DDF1/DF02", _SPEC)
_FLAGS = (
    ("哮喘", "asthma"), ("心脏病", "heart disease"), ("心脑血管病", "cardiovascular disease"), ("癫痫病", "epilepsy"),
    ("凝血紊乱", "coagulation disorder"), ("糖尿病", "diabetes"), ("青光眼", "glaucoma"), ("透析", "dialysis"),
    ("器官移植", "organ transplant"), ("器官缺失", "organ missing"), ("可装卸义肢", "artificial limb"), ("心脏起搏器", "pacemaker"),
)
CLINICAL = Environment(
    "DDF1/DF02", b"", "临床信息（急救用）", "clinical data, for emergencies",
    (
        _CLINICAL.file(0xEF05, ("临床基本数据", "clinical basics"), Access.READ_KEY, (
            row(0x29, "ABO 血型代码", "blood group ABO", 1, BYTES, "01", "01"),
            row(0x2A, "RH 血型代码", "blood group Rh", 1, CN, "02", "02"),
            *(row(tag, f"{zh}标志", en, 1, BYTES, "00", "00") for tag, (zh, en) in zip(count(0x2B), _FLAGS)),
            row(0x37, "其他医学警示名称", "other medical alerts", 40, GB18030, "B2E2CAD4BEAFCABE", "测试警示"),
        ), structure=Structure.ORDERED, key=APPLICATION_KEY),
        _CLINICAL.file(0xEF06, ("特殊信息", "special information"), Access.READ_KEY, (
            row(0x38, "精神病标志", "mental illness", 1, BYTES, "00", "00"),
        ), structure=Structure.ORDERED, key=APPLICATION_KEY),
        _CLINICAL.file(0xEF07, ("过敏基本数据", "allergies, newest first"), Access.READ_KEY, (
            row(0x01, "过敏物质名称", "allergen", 20, GB18030, "C7E0C3B9CBD8", "青霉素"),
            row(0x02, "过敏反应", "reaction", 100, GB18030, "C6A4D5EE", "皮疹"),
        ), structure=Structure.NUMBERED, extent=3, key=APPLICATION_KEY),
        _CLINICAL.file(0xEF08, ("免疫基本数据", "immunisations, newest first"), Access.READ_KEY, (
            row(0x01, "免疫接种名称", "vaccine", 20, GB18030, "B2E2CAD4D2DFC3E7", "测试疫苗"),
            row(0x02, "免疫接种时间", "given on", 4, DATE, "20200229", "2020-02-29"),
        ), structure=Structure.NUMBERED, extent=10, key=APPLICATION_KEY),
    ),
    _SPEC, identifiers=(ROOT, 0xDF02),
)

_VISITS = Place("DDF1/DF03", _SPEC + "; its fields are not declared: they are shown as bytes")


def _summaries(first: int, records: int, names: tuple[str, str], size: int) -> tuple[CardFile, ...]:
    """The transparent files of that many visits."""
    return tuple(
        _VISITS.file(first + place, (f"{names[0]}{place + 1}", f"{names[1]} {place + 1}"), Access.READ_KEY,
                     structure=Structure.TRANSPARENT, extent=size, key=APPLICATION_KEY)
        for place in range(records)
    )


VISITS = Environment(
    "DDF1/DF03", b"", "就诊信息", "visits",
    (
        _VISITS.file(0xEF05, ("住院信息索引", "index of stays"), Access.READ_KEY, (
            row(0x01, "记录标志", "mark of the entry", 1, BYTES, "01", "01"),
        ), structure=Structure.NUMBERED, extent=3, key=APPLICATION_KEY),
        _VISITS.file(0xEF06, ("门诊信息索引", "index of outpatient visits"), Access.READ_KEY, (
            row(0x01, "记录标志", "mark of the entry", 1, BYTES, "01", "01"),
        ), structure=Structure.NUMBERED, extent=5, key=APPLICATION_KEY),
        *_summaries(0xEE01, 3, ("住院信息", "stay"), 1893),
        *_summaries(0xED01, 5, ("门诊信息", "outpatient visit"), 3267),
    ),
    _SPEC, identifiers=(ROOT, 0xDF03),
)
HEALTH: tuple[Environment, ...] = (DDF1, PERSON, CLINICAL, VISITS)
# fmt: on
