"""patient.find_in_his: whom the HIS has, for a counter that registers somebody."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.fault import Fault
from middleware.domain.his import FindBy
from middleware.domain.identity import MediumNumber
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.identity import OptionalNumber
from middleware.doors.local_api.params import OptionalId, Params
from middleware.doors.local_api.results import Result
from middleware.engine.counter import Answer
from middleware.engine.finding import known_by, person_of


class FindInHisParams(Params, frozen=True, kw_only=True):
    """patient.find_in_his: exactly one of the two."""

    card_read_id: Annotated[OptionalId, Meta(description="card.read 的结果：查持卡人 / from card.read: its holder")] = ""
    patient_number: Annotated[OptionalNumber, Meta(description="HIS 的病人号 / the HIS's own number")] = ""
    by: Annotated[
        Literal["number", "person"],
        Meta(description="持卡人按证件号，或按姓名和出生日期 / a holder by id number, or by name and birth date"),
    ] = "number"


class FoundPatient(Result, frozen=True, kw_only=True):
    """One patient of the HIS; masked for every role but his."""

    number: Annotated[str, Meta(description="HIS 的病人号，登记时填入 patient_number / for patient.register")]
    name: str
    id_number: str
    birth_date: str
    sex: str
    speaks_for: Annotated[
        list[str], Meta(description="与持卡人相同：document、name、birth_date、sex / same as the holder's")
    ]
    speaks_against: Annotated[
        list[str], Meta(description="不同；document 不同即为他人 / differs: another document, another")
    ]


class FindInHisResult(Result, frozen=True, kw_only=True):
    """patient.find_in_his."""

    outcome: Annotated[
        Literal["one", "several", "none", "refused", "no_answer"],
        Meta(
            description="one 唯一且证件号相同；several 不止一个或不能确认，由人选定；none 没有；refused HIS 拒绝；"
            "no_answer 无应答 / one: by the document; several: more than one, or not certain: a person chooses"
        ),
    ]
    more: Annotated[bool, Meta(description="还有未列出的 / there are more than these")]
    patients: list[FoundPatient]
    why: Annotated[str | UnsetType, Meta(description="refused、no_answer 的原因 / why")] = UNSET


async def patient_find_in_his(visit: Visit, params: FindInHisParams) -> Answer:
    """Ask the HIS."""
    business = visit.business
    if business.finding is None or business.registry is None:
        raise Fault("his.find_off")
    if bool(params.card_read_id) is bool(params.patient_number):
        raise Fault("request.bad_params", "params: exactly one of card_read_id and patient_number")
    if params.patient_number:
        return await business.finding.look(visit.caller, known_by(MediumNumber(params.patient_number)), FindBy.NUMBER)
    person = person_of(business.registry.holder(visit.caller, params.card_read_id))
    return await business.finding.look(visit.caller, person, FindBy(params.by))
