"""Second-generation id cards as declarations: 256 bytes of text in UTF-16LE, fields of fixed width, one layout a kind.

Each field has its own vectors, which one generic test walks. Which layout it is stands at byte 248: nothing for
citizens, J for residents from Hong Kong, Macao and Taiwan, I for foreigners (2017). The one of 2023 for foreigners (Y) is
known by its mark only: no public table of its fields was found, so that it is refused by its name, and not guessed at.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from attrs import frozen

from middleware.domain.card import FOREIGNER_CARD, HMT_PERMIT, ID_CARD, CardRead
from middleware.domain.credential import Credential, Document, Shown
from middleware.domain.fault import Fault
from readers.media.person import SEXES, check_validity, date_of, id_number_of, identity, is_text, name_of

TEXT_BYTES = 256
PHOTO_BYTES = 1024
MARK_AT = 248
FOREVER = "长期"
_SIZES = 4  # of text and photo, two bytes each, before them
_PADDING = " \x00\u3000"


@frozen(slots=True)
class Field:
    """One field: where, how many bytes, and vectors of (text as it stands there, what is read)."""

    name: str
    zh: str
    start: int
    width: int
    vectors: tuple[tuple[str, str], ...]
    personal: bool = True


@frozen(slots=True)
class Layout:
    """What one kind of card says. ``mark`` is the character at byte 248."""

    kind: str
    zh: str
    en: str
    mark: str
    document: Document
    fields: tuple[Field, ...]
    source: str

    def field(self, name: str) -> Field:
        """The field of that name; ``KeyError`` is our own mistake."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.kind} has no {name}")


_DAY = (("20200229", "20200229"),)
_SEX = (("1", "1"), ("2", "2"))
_NUMBER = (("999999197405123114", "999999197405123114"), ("999999198809234229", "999999198809234229"))
_HEAD = (
    Field("name", "姓名", 0, 30, (("张伟民", "张伟民"), ("张𬭎", "张𬭎"), ("欧阳　明", "欧阳　明"))),
    Field("sex", "性别代码 (GB/T 2261.1)", 30, 2, _SEX),
)
_BODY = (
    Field("birth_date", "出生日期", 36, 16, _DAY),
    Field("address", "住址", 52, 70, (("测试省测试市一号", "测试省测试市一号"),)),
    Field("id_number", "公民身份号码 (GB 11643)", 122, 36, _NUMBER),
    Field("issuer", "签发机关", 158, 30, (("测试市公安局", "测试市公安局"),), personal=False),
    Field("issued_on", "有效期起始日期", 188, 16, _DAY, personal=False),
    Field(
        "expires_on", "有效期截止日期，或“长期”", 204, 16, (("20200229", "20200229"), (FOREVER, FOREVER)), personal=False
    ),
)
CITIZEN = Layout(
    ID_CARD, "居民身份证", "resident identity card", "", Document.CITIZEN,
    (*_HEAD, Field("nation", "民族代码 (GB/T 3304)", 32, 4, (("01", "01"), ("56", "56"))), *_BODY),
    "GA/T 490",
)  # fmt: skip
HMT = Layout(
    HMT_PERMIT, "港澳台居民居住证", "residence permit for Hong Kong, Macao and Taiwan residents", "J",
    Document.HMT_RESIDENT,
    (
        *_HEAD, *_BODY,
        Field("pass_number", "通行证号码", 220, 18, (("H12345678", "H12345678"),)),
        Field("issue_count", "签发次数", 238, 4, (("01", "01"),), personal=False),
    ),
    "the citizens' layout with no nation and two fields in its reserve; seen in open implementations",
)  # fmt: skip
FOREIGNER = Layout(
    FOREIGNER_CARD, "外国人永久居留身份证（2017 版）", "foreign permanent resident identity card (2017)", "I",
    Document.FOREIGNER,
    (
        Field("english_name", "英文姓名", 0, 120, (("TESTER, ALEXANDRA", "TESTER, ALEXANDRA"),)),
        Field("sex", "性别代码 (GB/T 2261.1)", 120, 2, _SEX),
        Field("id_number", "证件号码", 122, 30, (("KAZ110090123105", "KAZ110090123105"),)),
        Field("nationality", "国籍或所在地区代码 (GB/T 2659)", 152, 6, (("KAZ", "KAZ"),)),
        Field("name", "中文姓名，可空", 158, 30, (("测试", "测试"), ("", ""))),
        Field("issued_on", "证件签发日期", 188, 16, _DAY, personal=False),
        Field("expires_on", "证件终止日期", 204, 16, _DAY, personal=False),
        Field("birth_date", "出生日期", 220, 16, (("19901231", "19901231"),)),
        Field("version", "证件版本号", 236, 4, (("01", "01"),), personal=False),
        Field("authority", "申请受理机关代码", 240, 8, (("1500", "1500"),), personal=False),
    ),
    "published table of the card's fields (2017)",
)  # fmt: skip
LAYOUTS = (CITIZEN, HMT, FOREIGNER)
NOT_DECLARED = {"Y": ("外国人永久居留身份证（2023 版）", "foreign permanent resident identity card (2023)")}


@frozen(slots=True, repr=False)
class IdCard:
    """One card, taken apart: texts by the names of its layout, and the photo as it is."""

    layout: Layout
    texts: dict[str, str]
    photo: bytes

    def __repr__(self) -> str:
        return f"IdCard({self.layout.kind})"


def take_apart(data: bytes) -> IdCard:
    """The data of an answer to "read": sizes, text, photo, perhaps fingerprints, which are not kept.

    Raises ``card.malformed`` or, for a kind of which no layout is known, ``card.unsupported``.
    """
    if len(data) < _SIZES:
        raise Fault("card.malformed", "id card: an answer without sizes")
    text_size, photo_size = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
    start = _start(data, photo_size)
    if text_size != TEXT_BYTES or photo_size > PHOTO_BYTES or not start:
        raise Fault("card.malformed", f"id card: {len(data)} bytes with text {text_size} and photo {photo_size}")
    text = data[start : start + TEXT_BYTES]
    layout = layout_of(text)
    texts = {field.name: text_of(text, field, layout) for field in layout.fields}
    return IdCard(layout, texts, data[start + TEXT_BYTES : start + TEXT_BYTES + photo_size])


def _start(data: bytes, photo: int) -> int:
    """Where the text begins: behind two sizes, or behind three when fingerprints follow the photo; 0: neither fits."""
    if len(data) == _SIZES + TEXT_BYTES + photo:
        return _SIZES
    prints = int.from_bytes(data[_SIZES : _SIZES + 2], "big")
    return _SIZES + 2 if len(data) == _SIZES + 2 + TEXT_BYTES + photo + prints else 0


def layout_of(text: bytes) -> Layout:
    """By the mark at byte 248."""
    mark = text[MARK_AT : MARK_AT + 2].decode("utf-16-le", "replace").strip(_PADDING)
    for layout in LAYOUTS:
        if mark == layout.mark:
            return layout
    if mark in NOT_DECLARED:
        zh, en = NOT_DECLARED[mark]
        raise Fault("card.unsupported", f"{zh} / {en}: its fields are not published, register by hand")
    raise Fault("card.malformed", "id card: an unknown kind at byte 248")


def text_of(text: bytes, field: Field, layout: Layout) -> str:
    """One field without its padding. Raises ``card.malformed`` naming kind and field."""
    raw = text[field.start : field.start + field.width]
    try:
        found = raw.decode("utf-16-le").rstrip(_PADDING).lstrip(" \u3000")
    except UnicodeDecodeError:
        found = "\x00"
    if not is_text(found):
        raise Fault("card.malformed", f"{layout.kind} {field.name}: no text")
    return found


def read_id_card(card: IdCard, reader: str, today: dt.date) -> CardRead:
    """One checked identity, or a ``Fault`` that names kind and field: never half of one."""
    layout, kind = card.layout, card.layout.kind

    def part(name: str, check: Callable[[str, str], dt.date]) -> dt.date:
        return check(card.texts[name], f"{kind} {name}")

    issued_on = part("issued_on", date_of)
    expires_on = dt.date.max if card.texts["expires_on"] == FOREVER else part("expires_on", date_of)
    check_validity(issued_on, expires_on, today, f"{kind} expires_on")
    sex = card.texts["sex"]
    if sex not in SEXES:
        raise Fault("card.malformed", f"{kind} sex: not a code of GB/T 2261.1")
    nation = card.texts.get("nation", "")
    if nation and not (nation.isascii() and nation.isdecimal()):
        raise Fault("card.malformed", f"{kind} nation: not a code of GB/T 3304")
    return identity(
        kind,
        reader,
        Credential(Shown.IDENTITY, layout.document),
        id_number_of(card.texts["id_number"], f"{kind} id_number", layout.document),
        name_of(card.texts["name"] or card.texts.get("english_name", ""), f"{kind} name"),
        sex=sex,
        nation=nation,
        birth_date=part("birth_date", date_of),
        validity=(issued_on, expires_on),
        photo=card.photo,
    )
