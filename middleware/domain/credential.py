"""What a person showed to be treated by insurance, as the centre must be told it."""

from __future__ import annotations

from enum import StrEnum

from attrs import Factory, frozen

from middleware.domain.identity import VoucherToken


class Shown(StrEnum):
    """The credential itself."""

    CARD = "social-security-card"
    IDENTITY = "identity-document"  # an id card in a reader, or a number that is linked to one
    VOUCHER = "e-voucher"


class Document(StrEnum):
    """Of which kind the id number is."""

    CITIZEN = "citizen"  # resident identity card
    HMT_RESIDENT = "hmt-resident"  # residence permit for Hong Kong, Macao and Taiwan residents
    FOREIGNER = "foreigner"  # foreign permanent resident identity card


@frozen(slots=True)
class Credential:
    """One credential. ``token`` is the voucher's, a secret of some minutes; of anything else it is empty."""

    shown: Shown = Shown.CARD
    document: Document = Document.CITIZEN
    token: VoucherToken = Factory(lambda: VoucherToken(""))


BY_CARD = Credential()
