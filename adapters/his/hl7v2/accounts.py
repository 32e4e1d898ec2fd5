"""BAR^P01 and BAR^P06: a visit's account is opened and ends, beside the charges or in their place. Pure.

In place of DFT^P03 a settlement is told by the account's end and a cancellation by its being opened again, each with ZST
and without lines: for a HIS that made the charges itself.
"""

from __future__ import annotations

import datetime as dt

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import Segment
from adapters.his.hl7v2.mapping import zst
from adapters.his.hl7v2.segments import class_of, evn, in1, msh, pid, visit_numbers, zrf
from adapters.his.hl7v2.values import one, segment, stamp, typed
from middleware.domain.his import ChangeAccount, PostCharges
from middleware.domain.order import References


def structure_of(message: ChangeAccount | PostCharges) -> tuple[str, str, str]:
    """MSH-9."""
    ended = message.ended if isinstance(message, ChangeAccount) else not message.cancelled
    return ("BAR", "P06", "BAR_P06") if ended else ("BAR", "P01", "BAR_P01")


def segments_of(message: ChangeAccount | PostCharges, dialect: Dialect) -> tuple[Segment, ...]:
    """All segments of the message, in the order of its structure."""
    what = structure_of(message)
    opened = what[1] == tables.ACCOUNT_OPENED
    if isinstance(message, PostCharges):
        references, happened, begun = message.references, message.settled_at, None
        own: tuple[Segment, ...] = (zst(message, dialect), *zrf(references, dialect))
    else:
        references, happened, begun, own = References(), message.created_at, message.begun_at, ()
    return (
        msh(what, message, dialect),
        evn(what[1], message.created_at, happened, dialect),
        pid(message.holder, message.patient_number, dialect, account=message.visit_id),
        _pv1(message, references, begun if opened else None, dialect),
        *(in1(message.insurance, "", dialect) if opened else ()),
        *own,
    )


def _pv1(
    message: ChangeAccount | PostCharges, references: References, begun: dt.datetime | None, dialect: Dialect
) -> Segment:
    return segment(
        "PV1",
        {
            1: one("1"),
            2: one(class_of(message.kind)),
            19: (typed(message.visit_id, tables.VISIT_NUMBER_TYPE),),
            44: one(stamp(begun, dialect)) if begun is not None else (),
            **visit_numbers(message.visit_number, references, dialect),
        },
    )
