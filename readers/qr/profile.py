"""What is said to a code service and what it says, as profiles: the e-voucher's is published, the others are the site's.

``EC_QUERY`` is the request of the national e-voucher interface (transType ec.query) with its reply. It knows no field for
the text that was scanned, because its library has a scanner of its own; an endpoint that wants the text is told it in the
field that ``[[codes]] text_field`` names. Of the electronic social-security card no decoding interface is published: its
fields, as those of a hospital's own code, are named by the site.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from attrs import frozen

from middleware.domain.card import E_VOUCHER, CardRead
from middleware.domain.credential import Credential, Document, Shown
from middleware.domain.fault import Fault
from middleware.domain.identity import VoucherToken
from readers.media.options import ReaderOptions
from readers.media.person import date_of, id_number_of, identity, name_of
from readers.qr.options import CodeOptions

EC_QUERY = "ec.query"
OK = "0"
MAX_TOKEN = 50  # characters: the widest field that takes it on; published are 40
_DEPTH = 8
# idType of the e-voucher: the centre's psn_cert_type.
_DOCUMENTS = {"": Document.CITIZEN, "01": Document.CITIZEN, "07": Document.FOREIGNER, "17": Document.HMT_RESIDENT}

# Kinds of business for which a code may be shown, as the interface numbers them.
BUSINESS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "01101": ("挂号", "registration"),
    "01102": ("住院建档", "inpatient file"),
    "01103": ("入院登记", "admission"),
    "01104": ("缴纳预缴金", "deposit"),
    "01201": ("问诊", "consultation"),
    "01202": ("预约检查", "booking of an examination"),
    "01203": ("检查", "examination"),
    "01204": ("治疗", "treatment"),
    "01301": ("结算", "settlement"),
    "01302": ("取药", "dispensing"),
    "01303": ("取报告", "report"),
    "01304": ("打印票据和清单", "receipt"),
    "01305": ("病历材料复印", "copy of records"),
    "02121": ("药店购药", "pharmacy"),
    "02122": ("下载外购处方", "outside prescription"),
})  # fmt: skip


@frozen(slots=True)
class Profile:
    """How one kind's reply names things: paths of members, a dot between levels; "" when it does not say it."""

    transaction: str
    code: str
    id_number: str
    name: str
    id_kind: str = ""
    sex: str = ""
    birth_date: str = ""
    token: str = ""


PUBLISHED = Profile(
    EC_QUERY, "code", "data.idNo", "data.userName", "data.idType", "data.gender", "data.birthday", "data.ecToken"
)


def profile_of(options: CodeOptions) -> Profile:
    """The published profile of the e-voucher, or the site's own."""
    if options.kind == E_VOUCHER:
        return PUBLISHED
    return Profile(
        options.transaction, options.result_field, options.id_number_field, options.name_field,
        token=options.token_field,
    )  # fmt: skip


def request_of(options: CodeOptions, reader: ReaderOptions, text: str) -> bytes:
    """The body of the request. ``text`` is what was scanned, "" when the service scans itself."""
    data = {
        "orgId": options.organisation,
        "businessType": reader.business,
        "operatorId": reader.operator,
        "operatorName": reader.operator_name,
        "officeId": reader.office,
        "officeName": reader.office_name,
        "deviceType": options.device_type,
    }
    if text:
        data[options.text_field] = text
    return msgspec.json.encode({
        "data": data,
        "orgId": options.organisation,
        "transType": profile_of(options).transaction,
    })  # fmt: skip


def read_reply(body: bytes, options: CodeOptions, reader: str) -> CardRead:
    """Who shows the code. Raises ``code.refused`` with the service's code, ``code.malformed``, ``card.id_number``."""
    profile = profile_of(options)
    try:
        reply = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault("code.malformed", f"{options.kind}: not JSON") from None
    code = _member(reply, profile.code)
    if code is None or code.upper() == "NULL":
        raise Fault("code.malformed", f"{options.kind}: no {profile.code}")
    if code != options.result_ok:
        said = code if len(code) <= 10 and code.isascii() and code.isprintable() else "?"  # noqa: PLR2004 - a code is short
        raise Fault("code.refused", f"{options.kind}: code {said}")
    try:
        return _identity(reply, profile, options, reader)
    except Fault as fault:
        if fault.code == "card.malformed":
            raise Fault("code.malformed", fault.detail) from None
        raise


def _identity(reply: object, profile: Profile, options: CodeOptions, reader: str) -> CardRead:
    kind = options.kind
    document = _DOCUMENTS.get(_member(reply, profile.id_kind) or "")
    if document is None:
        raise Fault("code.malformed", f"{kind}: {profile.id_kind} is of no kind that the centre takes")
    token = _member(reply, profile.token) or ""
    if profile.token and not (0 < len(token) <= MAX_TOKEN and token.isascii() and token.isprintable()):
        raise Fault("code.malformed", f"{kind}: no {profile.token} of 1-{MAX_TOKEN} characters")
    born = _member(reply, profile.birth_date) or ""
    shown = Shown.VOUCHER if profile.token else Shown.IDENTITY
    return identity(
        kind,
        reader,
        Credential(shown, document, VoucherToken(token)),
        id_number_of(_needed(reply, profile.id_number, kind), f"{kind} {profile.id_number}", document),
        name_of(_needed(reply, profile.name, kind), f"{kind} {profile.name}"),
        sex=_member(reply, profile.sex) or "",
        birth_date=date_of(born[:10], f"{kind} {profile.birth_date}") if born else None,
    )


def _needed(reply: object, path: str, kind: str) -> str:
    found = _member(reply, path)
    if not found:
        raise Fault("code.malformed", f"{kind}: no {path}")
    return found


def _member(reply: object, path: str) -> str | None:
    """The member at that path as text; None when it is not there or is no text and no number."""
    if not path:
        return None
    found: Any = reply
    for name in path.split(".", _DEPTH):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) else None
