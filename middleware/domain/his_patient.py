"""What changes of a person whom the HIS was told of; only that is told anew. Pure; guesses nothing."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.centre import Holder
from middleware.domain.credential import Shown
from middleware.domain.his import HisPatient, OldMedium
from middleware.domain.told import MAX_NUMBERS

_UNSAID_SEXES = frozenset({"", "0", "9"})


def seen_again(known: Holder, read: Holder) -> Holder:
    """Who is known after one more reading of the same person: what it leaves out takes nothing away.

    Only the social-security card itself says its number: an id card or an e-voucher names another medium.
    """
    by_card = read.credential.shown is Shown.CARD and bool(read.card_number)
    return evolve(
        known,
        name=read.name or known.name,
        sex=known.sex if read.sex in _UNSAID_SEXES else read.sex,
        nation=read.nation or known.nation,
        birth_date=read.birth_date,
        card_number=read.card_number if by_card else known.card_number,
        card_id_code=read.card_id_code if by_card else known.card_id_code,
        credential=read.credential if by_card else known.credential,
        phone=read.phone or known.phone,
        employer=read.employer or known.employer,
    )


def registered_again(known: HisPatient, now: HisPatient) -> HisPatient:
    """After one more registration that the HIS took: its visit and number are the newest, the old media stay."""
    return evolve(
        now,
        holder=seen_again(known.holder, now.holder),
        patient_number=now.patient_number or known.patient_number,
        person_number=now.person_number or known.person_number,
        insurance=now.insurance or known.insurance,
        media=known.media,
    )


def with_medium(known: HisPatient, medium: OldMedium) -> HisPatient:
    """With an old card that is linked to the person, or is good for nothing since; the same again changes nothing."""
    kept = [one for one in known.media if (one.kind, one.number) != (medium.kind, medium.number)]
    there = next((one for one in known.media if (one.kind, one.number) == (medium.kind, medium.number)), None)
    if there is not None and (there.moved_on is not None or medium.moved_on is None):
        return known
    return evolve(known, media=(*kept, medium)[-MAX_NUMBERS:])


def differs(told: HisPatient, known: HisPatient) -> bool:
    """Whether it is news to the HIS; of which visit it is, and by what it was read, is nothing of the person's."""

    def said(one: HisPatient) -> HisPatient:
        bare = evolve(one.holder, credential=told.holder.credential, card_id_code=told.holder.card_id_code)
        return evolve(one, holder=bare, visit_id="", visit_kind=told.visit_kind, patient_number=told.patient_number)

    return said(told) != said(known)
