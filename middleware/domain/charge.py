"""Charge lines and what identifies a bill."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from decimal import Decimal

from attrs import frozen

from middleware.domain.money import Money, total

MAX_LINES = 500


@frozen(slots=True)
class ChargeLine:
    """One line of a bill, as the HIS gave it.

    ``unit_price`` has at most six decimals, ``quantity`` four (2204: N16,6 and N16,4); ``amount`` is whole fen and within
    one fen of price x quantity (insurance.md 1.4, the rule published for 2166).
    """

    line_id: str
    catalogue_code: str  # med_list_codg
    hospital_code: str  # medins_list_codg
    name: str
    unit_price: Decimal
    quantity: Decimal
    amount: Money
    charged_at: dt.datetime
    department_code: str
    department_name: str
    doctor_code: str
    doctor_name: str
    approval: str = "0"  # hosp_appr_flag
    prescription_no: str = ""


@frozen(slots=True)
class Diagnosis:
    """One diagnosis of a visit; ``kind`` is the centre's diag_type, ``order`` counts from 1."""

    code: str
    name: str
    kind: str = "1"
    order: int = 1


@frozen(slots=True)
class Disease:
    """A listed disease (dise_codg) for which the person has a filing: of chronic, special and single-disease visits."""

    code: str
    name: str


@frozen(slots=True)
class Bill:
    """What a caller gave with a quote; written once, never changed."""

    lines: tuple[ChargeLine, ...]
    diagnoses: tuple[Diagnosis, ...]


def bill_total(lines: Sequence[ChargeLine]) -> Money:
    """The sum of the lines."""
    return total(line.amount for line in lines)


def bill_digest(lines: Sequence[ChargeLine]) -> str:
    """A SHA-256 that changes when anything of the bill does; a quote is bound to it."""
    digest = hashlib.sha256()
    for line in lines:
        parts = (
            line.line_id, line.catalogue_code, line.hospital_code, line.name, str(line.unit_price), str(line.quantity),
            str(line.amount.fen), line.charged_at.isoformat(), line.department_code, line.department_name, line.doctor_code,
            line.doctor_name, line.approval, line.prescription_no,
        )  # fmt: skip
        _add(digest, parts)
    return digest.hexdigest()


def diagnoses_digest(diagnoses: Sequence[Diagnosis]) -> str:
    """A SHA-256 that changes when the diagnoses do."""
    digest = hashlib.sha256()
    for d in diagnoses:
        _add(digest, (d.kind, str(d.order), d.code, d.name))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, parts: Sequence[str]) -> None:
    """Each part with its length before it, so that no text can move a border."""
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
