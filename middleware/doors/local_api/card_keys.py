"""card.open and what is done with an open card: typed methods for new programs; driver.* are the same for old ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from attrs import frozen
from msgspec import UNSET, Meta

from middleware.domain.card_key import HOLDER_KEY, RELOAD_KEY, UNBLOCK_ADDRESS, FileAsk, KeyProof
from middleware.domain.fault import Fault
from middleware.domain.order import Role
from middleware.doors.local_api.driver import OptionalPin, PinDigits, asked_pin, new_pin_of, pin_of
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import END, Id, Params, ReaderName
from middleware.doors.local_api.results import CardReadResult, Result, When
from middleware.engine.card_sessions import CardSessions
from middleware.engine.counter import Answer

MAX_FILES, MAX_ITEMS = 16, 32

SessionId = Annotated[
    Id, Meta(description="card.open 给出；仅本账号、本终端可用 / from card.open; this account's and desk's alone")
]


class CardOpenParams(Params, frozen=True, kw_only=True):
    """card.open."""

    reader: Annotated[ReaderName, Meta(description="reader.list 给出的名称 / a name from reader.list")]


class SessionParams(Params, frozen=True, kw_only=True):
    """An open card."""

    session_id: SessionId


class CardChallengeParams(Params, frozen=True, kw_only=True):
    """card.challenge."""

    session_id: SessionId
    key: Annotated[
        Literal["holder", "reload"],
        Meta(description="holder 持卡人信息（RKSSSE）；reload 重置 PIN / the holder's data, or the reload of the PIN"),
    ] = "holder"


class CardUnblockParams(Params, frozen=True, kw_only=True):
    """card.unblock_pin."""

    session_id: SessionId
    data: Annotated[
        str, Meta(pattern=rf"^([0-9A-F]{{2}}){{4,64}}{END}", description="加密机的命令数据 / the HSM's data of the command")
    ]
    reload: Annotated[bool, Meta(description="数据中含新 PIN / a new PIN is inside them")] = False


class CardProveParams(Params, frozen=True, kw_only=True):
    """card.prove."""

    session_id: SessionId
    internal: Annotated[
        str,
        Meta(
            pattern=rf"^([0-9A-F]{{16}})?{END}",
            description="加密机算出的内部认证结果；reload 时为空 / what the card should have computed; empty for reload",
        ),
    ] = ""
    external: Annotated[
        str, Meta(pattern=rf"^[0-9A-F]{{32}}{END}", description="外部认证数据 / what the card is to be sent")
    ]


class FileParams(Params, frozen=True, kw_only=True):
    """One file and its items."""

    application: Annotated[str, Meta(pattern=rf"^(SSSE|DF0[1-4]){END}")]
    file: Annotated[str, Meta(pattern=rf"^EF[0-9A-F]{{2}}{END}")]
    tags: Annotated[list[Annotated[str, Meta(pattern=rf"^[0-9A-F]{{2}}{END}")]], Meta(min_length=1, max_length=MAX_ITEMS)]


class CardFilesParams(Params, frozen=True, kw_only=True):
    """card.files."""

    session_id: SessionId
    files: Annotated[list[FileParams], Meta(min_length=1, max_length=MAX_FILES)]
    psam: Annotated[bool, Meta(description="先由 PSAM 认证所需密钥 / let the PSAM prove the key that they need")] = True


class CardPinParams(Params, frozen=True, kw_only=True):
    """card.verify_pin."""

    session_id: SessionId
    pin: OptionalPin = UNSET

    def __repr__(self) -> str:
        return "CardPinParams(...)"


class CardChangePinParams(Params, frozen=True, kw_only=True):
    """card.change_pin."""

    session_id: SessionId
    pin: PinDigits
    new_pin: PinDigits
    new_pin_again: PinDigits

    def __repr__(self) -> str:
        return "CardChangePinParams(...)"


class OpenCardFacts(Result, frozen=True, kw_only=True):
    """The card, before any proof."""

    kind: str
    region_code: str
    card_number: Annotated[str, Meta(description="his 角色为明文，其余掩码 / in clear for role his, masked for others")]
    spec_version: str
    algorithm: Annotated[str, Meta(description="01 3DES, 02 SSF33, 03 SM4")]
    issued_on: str
    expires_on: str


class CardOpenResult(Result, frozen=True, kw_only=True):
    """card.open."""

    session_id: str
    expires_at: Annotated[When, Meta(description="最迟此时放卡 / the card is let go then at the latest")]
    reader: str
    card: OpenCardFacts
    needs_key: Annotated[bool, Meta(description="读持卡人须先认证 RKSSSE / its holder is behind RKSSSE")]


class CardChallengeResult(Result, frozen=True, kw_only=True):
    """card.challenge: what the HSM needs. Good once."""

    algorithm: str
    key_address: str
    region_code: str
    historical: str
    internal_factor: str
    internal_source: str
    external_factor: str
    external_source: str


class CardUnblockFactorResult(Result, frozen=True, kw_only=True):
    """card.unblock_factor: what the HSM makes the command of. Good for the next command."""

    algorithm: str
    key_address: str
    factor: str


class DoneResult(Result, frozen=True, kw_only=True):
    """It is done."""

    done: bool


class ItemFacts(Result, frozen=True, kw_only=True):
    """One item; empty when nothing is written."""

    tag: str
    text: str


class FileFacts(Result, frozen=True, kw_only=True):
    """One file."""

    file: str
    items: list[ItemFacts]


class CardFilesResult(Result, frozen=True, kw_only=True):
    """card.files, in the order of asking."""

    files: list[FileFacts]


def _sessions(visit: Visit) -> CardSessions:
    sessions = visit.business.cards
    if sessions is None:
        raise Fault("system.busy", "no card sessions on this daemon")
    return sessions


async def card_open(visit: Visit, params: CardOpenParams) -> Answer:
    """Power the card and hold it."""
    session_id, card, until = await _sessions(visit).open(visit.caller, params.reader, "card.open")
    clear = visit.caller.role is Role.HIS
    return {
        "session_id": session_id,
        "expires_at": until.isoformat(),
        "reader": card.reader,
        "card": {
            "kind": card.kind,
            "region_code": card.region_code,
            "card_number": card.card_number.reveal() if clear else card.card_number.masked,
            "spec_version": card.spec_version,
            "algorithm": card.algorithm,
            "issued_on": card.issued_on,
            "expires_on": card.expires_on,
        },
        "needs_key": card.needs_key,
    }


async def card_challenge(visit: Visit, params: CardChallengeParams) -> Answer:
    """What the HSM needs."""
    ask = HOLDER_KEY if params.key == "holder" else RELOAD_KEY
    made = await _sessions(visit).challenge(visit.caller, params.session_id, ask)
    values = ("internal_factor", "internal_source", "external_factor", "external_source")
    return {
        "algorithm": made.algorithm,
        "key_address": made.ask.address,
        "region_code": made.region,
        "historical": made.historical,
    } | {name: getattr(made, name).hex().upper() for name in values}


async def card_prove(visit: Visit, params: CardProveParams) -> Answer:
    """Answer the challenge."""
    proof = KeyProof(bytes.fromhex(params.external), bytes.fromhex(params.internal))
    await _sessions(visit).prove(visit.caller, params.session_id, proof, "card.prove")
    return {"done": True}


async def card_identity(visit: Visit, params: SessionParams) -> Answer:
    """The holder, as card.read answers."""
    _, answer = await _sessions(visit).identity(visit.caller, params.session_id, "card.identity")
    return answer


async def card_files(visit: Visit, params: CardFilesParams) -> Answer:
    """Items of files, in clear."""
    asks = tuple(
        FileAsk(one.application, int(one.file, 16), tuple(int(tag, 16) for tag in one.tags)) for one in params.files
    )
    found = await _sessions(visit).files(visit.caller, params.session_id, asks, "card.files", psam=params.psam)
    return {"files": [_file_view(ask, values) for ask, values in zip(asks, found, strict=True)]}


async def card_verify_pin(visit: Visit, params: CardPinParams) -> Answer:
    """Show the PIN to the card."""
    with asked_pin(params.pin) as pin:
        await _sessions(visit).verify_pin(visit.caller, params.session_id, pin, "card.verify_pin")
    return {"done": True}


async def card_change_pin(visit: Visit, params: CardChangePinParams) -> Answer:
    """Change it."""
    with pin_of(params.pin) as old, new_pin_of(params.new_pin, params.new_pin_again) as new:
        await _sessions(visit).change_pin(visit.caller, params.session_id, old, new, "card.change_pin")
    return {"done": True}


async def card_unblock_factor(visit: Visit, params: SessionParams) -> Answer:
    """A factor for the HSM."""
    sessions = _sessions(visit)
    algorithm = sessions.card(visit.caller, params.session_id).algorithm
    factor = await sessions.unblock_challenge(visit.caller, params.session_id)
    return {"algorithm": algorithm, "key_address": UNBLOCK_ADDRESS, "factor": factor.hex().upper()}


async def card_unblock_pin(visit: Visit, params: CardUnblockParams) -> Answer:
    """Give the card the HSM's command."""
    data, why = bytes.fromhex(params.data), "card.unblock_pin"
    await _sessions(visit).unblock_pin(visit.caller, params.session_id, data, why, reload=params.reload)
    return {"done": True}


async def card_close(visit: Visit, params: SessionParams) -> Answer:
    """Let the card go."""
    await _sessions(visit).close(visit.caller, params.session_id)
    return {"done": True}


def _file_view(ask: FileAsk, values: tuple[str, ...]) -> dict[str, Any]:
    items = [{"tag": f"{tag:02X}", "text": text} for tag, text in zip(ask.tags, values, strict=True)]
    return {"file": ask.path, "items": items}


@frozen(slots=True)
class Step:
    """One method. ``counter``: pharmacies' terminals, too; their answers are masked."""

    name: str
    zh: str
    en: str
    params: type[Params]
    result: type[Result]
    handler: Callable[[Visit, Any], Awaitable[Answer]]
    counter: bool = False


STEPS = (
    Step(
        "open", "给卡上电并独占，供后续步骤使用", "power a card and hold it for the steps that follow",
        CardOpenParams, CardOpenResult, card_open, counter=True,
    ),
    Step(
        "challenge", "取加密机认证所需数据，只能用一次", "what an HSM needs to prove a key; good once",
        CardChallengeParams, CardChallengeResult, card_challenge,
    ),
    Step(
        "prove", "传入加密机结果，完成内外部认证", "give the card the HSM's answer: each proves itself to the other",
        CardProveParams, DoneResult, card_prove,
    ),
    Step(
        "identity", "读持卡人；需要时先由 PSAM 认证", "the holder; by the PSAM where the card still wants a proof",
        SessionParams, CardReadResult, card_identity, counter=True,
    ),
    Step(
        "files", "读所列文件的数据项", "items of files",
        CardFilesParams, CardFilesResult, card_files,
    ),
    Step(
        "verify_pin", "校验持卡人 PIN", "verify the holder's PIN",
        CardPinParams, DoneResult, card_verify_pin, counter=True,
    ),
    Step(
        "change_pin", "修改 PIN", "change the PIN",
        CardChangePinParams, DoneResult, card_change_pin, counter=True,
    ),
    Step(
        "unblock_factor", "取加密机生成 PIN 解锁命令所需的因子", "the factor for an HSM's command that unblocks a PIN",
        SessionParams, CardUnblockFactorResult, card_unblock_factor,
    ),
    Step(
        "unblock_pin", "用加密机的命令数据解锁或重置 PIN（重置须先认证 reload）",
        "unblock the PIN with the HSM's data, or reload it (which wants the key reload proved first)",
        CardUnblockParams, DoneResult, card_unblock_pin,
    ),
    Step(
        "close", "放卡：卡片复位，读卡器空出", "let the card go: it is reset and the reader is free",
        SessionParams, DoneResult, card_close, counter=True,
    ),
)  # fmt: skip
