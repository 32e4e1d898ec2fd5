"""driver.*: the functions of the unified card driver, by their names, over the socket: what they take and answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from attrs import frozen
from msgspec import UNSET, Meta, UnsetType

from middleware.domain.card_key import Pin
from middleware.domain.fault import Fault
from middleware.doors.fault_data import fault_data
from middleware.doors.local_api.driver_codes import code_of, text_of
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import Id, Params, ReaderName
from middleware.doors.local_api.params import Key as RequestId
from middleware.doors.local_api.results import Result
from middleware.engine.counter import Answer
from middleware.engine.driver import Driver, DriverAnswer

DEADLINE_S = 75
MAX_TEXT = 1024  # the smaller of the driver's two buffers

# Digits of any length come in: that a PIN is none is said in the driver's way (-33), not as a malformed message.
PinDigits = Annotated[str, Meta(max_length=32, description="PIN；不写日志、不入账本 / never logged, never journalled")]
OptionalPin = Annotated[
    Annotated[str, Meta(max_length=32)] | UnsetType,
    Meta(description="PIN；省略则由读卡器密码键盘输入 / left out: typed at the reader's PIN pad"),
]
CardInfo = Annotated[str, Meta(max_length=64, description="卡识别码|卡号| / card identification code|card number|")]
FileAddress = Annotated[str, Meta(max_length=MAX_TEXT, description="如 SSSEEF05|06|07|$SSSEEF06|08|09|$")]
Key = Annotated[str, Meta(max_length=256, description="加密机的结果，原样传入 / what the HSM gave, as it is")]


PayInfo = Annotated[
    str, Meta(max_length=256, description="个人账户金额|统筹金额|...|yyyymmddhhmmss| / individual|pooled|...|time|, 12.34")
]


class _Masked(Params, frozen=True, kw_only=True):
    """Parameters that hold a PIN never show themselves."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class ReaderParams(Params, frozen=True, kw_only=True):
    """Which reader."""

    iType: Annotated[  # noqa: N815 - the driver's own name
        Literal[1, 2, 3, 4],
        Meta(description="1 接触 2 非接触 3、4 自动；由读卡器自行识别 / taken for an old program's sake: the reader knows"),
    ] = 3
    reader: Annotated[
        ReaderName | UnsetType,
        Meta(description="读卡器名称；省略则为唯一有卡的读卡器 / left out: the only one with a card"),
    ] = UNSET


class StepParams(Params, frozen=True, kw_only=True):
    """The second of two steps."""

    session_id: Annotated[Id, Meta(description="第一步给出 / from the first step")]
    pKey: Key  # noqa: N815 - the driver's own name


class ReadCardStepParams(Params, frozen=True, kw_only=True):
    """driver.iReadCard_HSM_Step1."""

    iType: Literal[1, 2, 3, 4] = 3  # noqa: N815
    reader: ReaderName | UnsetType = UNSET
    pCardInfo: CardInfo  # noqa: N815
    pFileAddr: FileAddress  # noqa: N815


class ReadCardSecondParams(Params, frozen=True, kw_only=True):
    """driver.iReadCard_HSM_Step2."""

    session_id: Id
    pFileAddr: Annotated[FileAddress, Meta(description="与第一步相同 / that of the first step")]  # noqa: N815
    pKey: Key  # noqa: N815


class ReadCardParams(_Masked, frozen=True, kw_only=True):
    """driver.iReadCard."""

    iType: Literal[1, 2, 3, 4] = 3  # noqa: N815
    reader: ReaderName | UnsetType = UNSET
    iAuthType: Annotated[Literal[1, 2], Meta(description="1 PIN 2 读密钥（PSAM） / 1 the PIN, 2 the read key")]  # noqa: N815
    pCardInfo: CardInfo  # noqa: N815
    pFileAddr: FileAddress  # noqa: N815
    pin: OptionalPin = UNSET


class PinParams(_Masked, frozen=True, kw_only=True):
    """driver.iVerifyPIN."""

    iType: Literal[1, 2, 3, 4] = 3  # noqa: N815
    reader: ReaderName | UnsetType = UNSET
    pin: OptionalPin = UNSET


class ChangePinParams(_Masked, frozen=True, kw_only=True):
    """driver.iChangePIN."""

    iType: Literal[1, 2, 3, 4] = 3  # noqa: N815
    reader: ReaderName | UnsetType = UNSET
    pin: PinDigits
    new_pin: PinDigits
    new_pin_again: Annotated[PinDigits, Meta(description="再输入一次 / typed again")]


class CardInfoParams(Params, frozen=True, kw_only=True):
    """A card by its two numbers."""

    iType: Literal[1, 2, 3, 4] = 3  # noqa: N815
    reader: ReaderName | UnsetType = UNSET
    pCardInfo: CardInfo  # noqa: N815


class ReloadPinParams(_Masked, frozen=True, kw_only=True):
    """driver.iReloadPIN_HSM_Step2."""

    session_id: Id
    pKey: Key  # noqa: N815
    new_pin: PinDigits
    new_pin_again: PinDigits


class DebitStepParams(_Masked, frozen=True, kw_only=True):
    """driver.iDoDebit_HSM_Step1."""

    iType: Literal[1, 2, 3, 4] = 3  # noqa: N815
    reader: ReaderName | UnsetType = UNSET
    pCardInfo: CardInfo  # noqa: N815
    pPayInfo: PayInfo  # noqa: N815
    pin: OptionalPin = UNSET


class DebitParams(DebitStepParams, frozen=True, kw_only=True):
    """driver.iDoDebit."""

    request_id: RequestId


class DebitSecondParams(Params, frozen=True, kw_only=True):
    """driver.iDoDebit_HSM_Step2."""

    request_id: RequestId
    session_id: Id
    pKey: Annotated[Key, Meta(description="交易序号|时间|MAC1| / transaction number|time|MAC1|")]  # noqa: N815


class DebitRecordParams(_Masked, frozen=True, kw_only=True):
    """driver.iReadDebitRecord."""

    iType: Literal[1, 2, 3, 4] = 3  # noqa: N815
    reader: ReaderName | UnsetType = UNSET
    iAuthType: Annotated[Literal[1, 2], Meta(description="1 PIN 2 读密钥（PSAM） / 1 the PIN, 2 the read key")] = 2  # noqa: N815
    first: Annotated[int, Meta(ge=1, le=255)] = 1
    count: Annotated[int, Meta(ge=1, le=32)] = 10
    pin: OptionalPin = UNSET


class DriverFault(Result, frozen=True, kw_only=True):
    """The same in the words of every other method."""

    code: str
    zh: str
    en: str
    do_zh: str
    do_en: str
    detail: str
    money: str
    retry: str
    tries_left: str | UnsetType = UNSET


class DriverResult(Result, frozen=True, kw_only=True):
    """Any driver.* method."""

    code: Annotated[int, Meta(description="0 成功，负数为驱动错误码 / 0 done, negative: the driver's error code")]
    out: Annotated[
        str, Meta(description="输出文本，| 结尾；失败时为错误说明 / fields ended by |; on a fault what went wrong")
    ]
    session_id: Annotated[str | UnsetType, Meta(description="供下一步使用 / for the next step")] = UNSET
    fault: DriverFault | UnsetType = UNSET


Work = Callable[[Visit, Driver, Any], Awaitable[DriverAnswer]]


@frozen(slots=True)
class Function:
    """One function of the driver."""

    name: str
    zh: str
    en: str
    params: type[Params]
    work: Work
    moves_money: bool = False

    async def handler(self, visit: Visit, params: Any) -> Answer:
        """Its answer; what the card, its keys or the parameters refuse is a code, what the system cannot do a fault."""
        driver = visit.business.driver
        if driver is None:
            raise Fault("system.busy", "no card sessions on this daemon")
        try:
            done = await self.work(visit, driver, params)
        except Fault as fault:
            if fault.code.startswith(("system.", "access.")):
                raise
            return {"code": code_of(fault), "out": text_of(fault), "fault": fault_data(fault)}
        return {"code": 0, "out": done.out} | ({"session_id": done.session_id} if done.session_id else {})


def pin_of(digits: str) -> Pin:
    """``card.pin_rule`` for anything but 4 to 16 digits."""
    try:
        return Pin(digits)
    except ValueError:
        raise Fault("card.pin_rule") from None


def new_pin_of(first: str, again: str) -> Pin:
    """The new PIN, typed twice alike; ``card.pins_differ``."""
    with pin_of(again) as second:
        pin = pin_of(first)
        if not pin.same(second):
            pin.wipe()
            raise Fault("card.pins_differ")
        return pin


def _reader(params: Any) -> str:
    return "" if params.reader is UNSET else params.reader


@contextmanager
def asked_pin(digits: str | UnsetType) -> Iterator[Pin | None]:
    """The PIN that came along, wiped in the end; ``None`` for one that is typed at the reader's pad."""
    if digits is UNSET:
        yield None
        return
    with pin_of(digits) as pin:
        yield pin


async def _read_basic(visit: Visit, driver: Driver, params: ReaderParams) -> DriverAnswer:
    return await driver.read_basic(visit.caller, _reader(params))


async def _read_basic_1(visit: Visit, driver: Driver, params: ReaderParams) -> DriverAnswer:
    return await driver.read_basic_1(visit.caller, _reader(params))


async def _read_basic_2(visit: Visit, driver: Driver, params: StepParams) -> DriverAnswer:
    return await driver.read_basic_2(visit.caller, params.session_id, params.pKey)


async def _read_card(visit: Visit, driver: Driver, params: ReadCardParams) -> DriverAnswer:
    by_pin = params.iAuthType == 1
    with asked_pin(params.pin if by_pin else UNSET) as pin:
        info, address = params.pCardInfo, params.pFileAddr
        return await driver.read_card(visit.caller, _reader(params), info, address, pin, by_pin=by_pin)


async def _read_card_1(visit: Visit, driver: Driver, params: ReadCardStepParams) -> DriverAnswer:
    return await driver.read_card_1(visit.caller, _reader(params), params.pCardInfo, params.pFileAddr)


async def _read_card_2(visit: Visit, driver: Driver, params: ReadCardSecondParams) -> DriverAnswer:
    return await driver.read_card_2(visit.caller, params.session_id, params.pFileAddr, params.pKey)


async def _verify_pin(visit: Visit, driver: Driver, params: PinParams) -> DriverAnswer:
    with asked_pin(params.pin) as pin:
        return await driver.verify_pin(visit.caller, _reader(params), pin)


async def _change_pin(visit: Visit, driver: Driver, params: ChangePinParams) -> DriverAnswer:
    with pin_of(params.pin) as old, new_pin_of(params.new_pin, params.new_pin_again) as new:
        return await driver.change_pin(visit.caller, _reader(params), old, new)


async def _reload_pin(visit: Visit, driver: Driver, params: CardInfoParams) -> DriverAnswer:
    return await driver.by_psam(visit.caller, _reader(params), params.pCardInfo, "iReloadPIN")


async def _reload_pin_1(visit: Visit, driver: Driver, params: CardInfoParams) -> DriverAnswer:
    return await driver.reload_pin_1(visit.caller, _reader(params), params.pCardInfo)


async def _reload_pin_2(visit: Visit, driver: Driver, params: ReloadPinParams) -> DriverAnswer:
    with new_pin_of(params.new_pin, params.new_pin_again) as pin:
        return await driver.reload_pin_2(visit.caller, params.session_id, params.pKey, pin)


async def _reload_pin_3(visit: Visit, driver: Driver, params: StepParams) -> DriverAnswer:
    return await driver.reload_pin_3(visit.caller, params.session_id, params.pKey)


async def _unblock_pin(visit: Visit, driver: Driver, params: CardInfoParams) -> DriverAnswer:
    return await driver.by_psam(visit.caller, _reader(params), params.pCardInfo, "iUnblockPIN")


async def _unblock_pin_1(visit: Visit, driver: Driver, params: CardInfoParams) -> DriverAnswer:
    return await driver.unblock_pin_1(visit.caller, _reader(params), params.pCardInfo)


async def _unblock_pin_2(visit: Visit, driver: Driver, params: StepParams) -> DriverAnswer:
    return await driver.unblock_pin_2(visit.caller, params.session_id, params.pKey)


async def _do_debit(visit: Visit, driver: Driver, params: DebitParams) -> DriverAnswer:
    with asked_pin(params.pin) as pin:
        info, order = params.pCardInfo, params.pPayInfo
        return await driver.do_debit(visit.caller, _reader(params), params.request_id, info, order, pin)


async def _do_debit_1(visit: Visit, driver: Driver, params: DebitStepParams) -> DriverAnswer:
    with asked_pin(params.pin) as pin:
        return await driver.do_debit_1(visit.caller, _reader(params), params.pCardInfo, params.pPayInfo, pin)


async def _do_debit_2(visit: Visit, driver: Driver, params: DebitSecondParams) -> DriverAnswer:
    return await driver.do_debit_2(visit.caller, params.session_id, params.request_id, params.pKey)


async def _debit_records(visit: Visit, driver: Driver, params: DebitRecordParams) -> DriverAnswer:
    by_pin = params.iAuthType == 1
    with asked_pin(params.pin if by_pin else UNSET) as pin:
        return await driver.debit_records(visit.caller, _reader(params), params.first, params.count, pin, by_pin=by_pin)


FUNCTIONS = (
    Function(
        "iReadCardBas", "读基本信息，输出 11 个字段",
        "the holder's basics, 11 fields", ReaderParams, _read_basic,
    ),
    Function(
        "iReadCardBas_HSM_Step1", "加密机读基本信息第一步，卡片保持上电",
        "basics by an HSM, step 1; the card stays in power", ReaderParams, _read_basic_1,
    ),
    Function(
        "iReadCardBas_HSM_Step2", "加密机读基本信息第二步",
        "basics by an HSM, step 2", StepParams, _read_basic_2,
    ),
    Function("iReadCard", "按文件地址读数据项", "items by file address", ReadCardParams, _read_card),
    Function(
        "iReadCard_HSM_Step1", "加密机读数据项第一步",
        "items by an HSM, step 1", ReadCardStepParams, _read_card_1,
    ),
    Function(
        "iReadCard_HSM_Step2", "加密机读数据项第二步",
        "items by an HSM, step 2", ReadCardSecondParams, _read_card_2,
    ),
    Function("iVerifyPIN", "校验 PIN", "verify the PIN", PinParams, _verify_pin),
    Function("iChangePIN", "修改 PIN", "change the PIN", ChangePinParams, _change_pin),
    Function(
        "iReloadPIN", "重置 PIN：须用加密机三步接口，本步返回 -2203",
        "reload the PIN: by the HSM's three steps; this answers -2203", CardInfoParams, _reload_pin,
    ),
    Function(
        "iReloadPIN_HSM_Step1", "加密机重置 PIN 第一步",
        "reload by an HSM, step 1", CardInfoParams, _reload_pin_1,
    ),
    Function(
        "iReloadPIN_HSM_Step2", "加密机重置 PIN 第二步",
        "reload by an HSM, step 2", ReloadPinParams, _reload_pin_2,
    ),
    Function(
        "iReloadPIN_HSM_Step3", "加密机重置 PIN 第三步",
        "reload by an HSM, step 3", StepParams, _reload_pin_3,
    ),
    Function(
        "iUnblockPIN", "解锁 PIN：须用加密机两步接口，本步返回 -2203",
        "unblock the PIN: by the HSM's two steps; this answers -2203", CardInfoParams, _unblock_pin,
    ),
    Function(
        "iUnblockPIN_HSM_Step1", "加密机解锁 PIN 第一步",
        "unblock by an HSM, step 1", CardInfoParams, _unblock_pin_1,
    ),
    Function(
        "iUnblockPIN_HSM_Step2", "加密机解锁 PIN 第二步",
        "unblock by an HSM, step 2", StepParams, _unblock_pin_2,
    ),
    Function(
        "iDoDebit", "卡内账户扣款（PSAM）；未启用时返回 -13",
        "debit the accounts on the card, by the PSAM; -13 where it is off", DebitParams, _do_debit, moves_money=True,
    ),
    Function(
        "iDoDebit_HSM_Step1", "加密机卡内扣款第一步，不扣款",
        "debit by an HSM, step 1; moves no money", DebitStepParams, _do_debit_1,
    ),
    Function(
        "iDoDebit_HSM_Step2", "加密机卡内扣款第二步，扣款",
        "debit by an HSM, step 2; moves money", DebitSecondParams, _do_debit_2, moves_money=True,
    ),
    Function(
        "iReadDebitRecord", "读医疗交易明细",
        "the medical transaction log", DebitRecordParams, _debit_records,
    ),
)  # fmt: skip
