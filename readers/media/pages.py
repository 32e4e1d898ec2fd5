"""docs/media.md: what is no smart card, made from its declarations so that it says nothing else than they do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from middleware.domain.fault import FAULTS
from readers.media.options import LAYOUT_KINDS
from readers.media.stored import CHIPS, HISTORIES
from readers.qr.profile import BUSINESS, PUBLISHED
from readers.serial.id_card import FOREVER, LAYOUTS, MARK_AT, NOT_DECLARED, PHOTO_BYTES, TEXT_BYTES, Layout
from readers.serial.id_reader import DONE, FIND, FOUND, NOT_READ, NOT_SELECTED, NOTHING, READ, SELECT

_HEAD = """\
# 身份证、扫码、旧卡 · Id cards, codes and old media

本页由程序的声明生成：`python run.py docs`。请勿手工修改。
Made from the declarations in `readers/serial`, `readers/media` and `readers/qr` by `python run.py docs`; do not edit it by hand.

社会保障卡以外，病人还会出示身份证、医保电子凭证、旧就诊卡。能确认身份的，`card.read` 给出与社会保障卡相同的结果，可直接登记；只有号码的，
先经 `registry.link` 关联到本人，或由 HIS 用 `medium.read` 取得号码自行查找。读到半个身份，或校验不过，一律拒绝，从不猜测。

Besides the social-security card people show id cards, insurance e-vouchers and old treatment cards. What proves an identity is read by
`card.read` like the card and may be registered at once; what has only a number is linked to its person first (`registry.link`), or the HIS
takes the number (`medium.read`) and looks the person up itself. Half an identity, or one that fails its check, is refused and never guessed.

## 配置 · Configuration

```toml
[[readers]]                      # 身份证阅读器（串口）· an id-card reader on a serial line
name = "窗口一身份证"
kind = "serial-id"
device = "/dev/serial/by-id/usb-id-reader"   # 服务用户须属于 dialout 组 · the service's user belongs to dialout
baud = 115200

[[readers]]                      # 扫码枪、磁条读卡器（串口）· a scanner or stripe reader on a serial line
name = "窗口一扫码枪"
kind = "scanner"
device = "/dev/serial/by-id/usb-scanner"
baud = 9600
business = "01301"               # 本窗口的用码业务 · the business at this desk

[[readers.layouts]]              # 逐条试，先合者为准 · tried in order, the first that fits decides
kind = "e-voucher"
prefix = "28"
min_length = 20

[[readers.layouts]]              # 磁条第二磁道：卡号=有效期 · track 2: number=expiry
kind = "treatment-card"
track = 2
separator = "="
fields = 2
number = "1"

[[readers]]                      # 键盘口设备：前端程序用 card.present 提交 · a keyboard wedge: the front end calls card.present
name = "窗口一键盘口"
kind = "handed"
[[readers.layouts]]
kind = "treatment-card"
characters = "digits"
min_length = 8
max_length = 12
number = "1-8"                   # 第 1 至 8 位 · characters 1 to 8

[[readers]]                      # 自带扫码器的解码程序 · a decoding service with a scanner of its own
name = "电子凭证终端"
kind = "service"
code = "e-voucher"

[[codes]]                        # 谁来解码 · who says whose a code is
kind = "e-voucher"
url = "https://codes.example/ec" # 只有本机才可用 http · plain http only to this machine itself
organisation = "H99990000001"
text_field = "ecQrCode"          # 未公开，请问服务方 · not published: ask the operator

[[stored_cards]]                 # PC/SC 读卡器里的旧卡 · old cards in PC/SC readers
chip = "mifare-classic"
block = 4
offset = 0
length = 11
key_file = "/etc/yikatong/sector.key"        # 12 位十六进制，0400 · 12 hex digits, mode 0400
```

一个格式里，位置写作 `"7-24"`（第 7 至 24 个字符）、`"2"`（第 2 段）或 `"2:1-9"`（第 2 段的第 1 至 9 个字符），从 1 数起。
同时写了 `id_number` 和 `person`（姓名）的格式给出身份；只写 `number` 的只给号码。没有声明的内容一律不读。
A part is written `"7-24"` (characters), `"2"` (a field) or `"2:1-9"` (characters of a field), counted from 1. A layout with `id_number` and
`person` gives an identity, one with `number` a number. What no layout declares is never read.

设备拔掉，服务照常，健康页 `readers_media` 点名；插回即恢复，不用重启。串口由本服务独占。身份证放上到读出要 `wait_s` 之内；读过的证须拿起再放才会再次读到。
A device may be unplugged: the part `readers_media` names it, and it works again when it is back. A port is ours alone. A read waits `wait_s`
for the card or the scan; an id card that was read must be lifted before it is found again.

看一个设备 · To look: `run.py card read --config yikatong.toml --reader 窗口一`（`--text` 用于 `handed`；个人信息默认遮盖，`--reveal` 显示）。
没有设备也能试 · Without a device: `python -m simulators.serial --device /tmp/id-reader --person employee`, `python -m simulators.ecode --port 21100`.
"""
_FAULTS = ("reader.no_answer", "reader.gone", "reader.shared", "reader.denied", "card.absent", "card.mute", "card.withdrawn",
           "card.id_number", "card.malformed", "card.expired", "card.unsupported", "medium.no_layout", "medium.no_identity",
           "medium.key", "code.not_configured", "code.unreachable", "code.no_answer", "code.refused", "code.malformed",
           "code.clock", "code.replayed", "code.not_genuine", "code.undecipherable")  # fmt: skip


def write(path: Path) -> None:
    """Write the page."""
    path.write_text("\n".join(_page()) + "\n", encoding="utf-8")


def _page() -> Iterator[str]:
    yield _HEAD
    yield from _credentials()
    yield from _id_cards()
    yield from _kinds()
    yield from _codes()
    yield from _stored()
    yield from _faults()


def _credentials() -> Iterator[str]:
    yield "## 报给医保中心的凭证 · What the centre is told\n"
    yield "| 出示 shown | 就诊凭证类型 mdtrt_cert_type | 编号 mdtrt_cert_no |"
    yield "| --- | --- | --- |"
    yield "| 社会保障卡 social-security card | 03 | 卡号 card number |"
    yield "| 身份证件；已关联的旧卡；院内码 identity documents, linked old media, the hospital's own codes | 02 | 证件号码 its number |"
    yield "| 医保电子凭证 e-voucher | 01 | 令牌 token |"
    yield ""
    yield "令牌是秘密：加密保存在该就诊的个人信息里，不进日志、账本和任何应答。证件类型（psn_cert_type）：居民身份证 01，外国人永久居留身份证 07，港澳台居民居住证 17。"
    yield "The token is a secret: sealed with the visit's personal data, in no log, journal or answer. Kinds of document: citizens 01, foreigners 07, "
    yield "residents from Hong Kong, Macao and Taiwan 17.\n"


def _id_cards() -> Iterator[str]:
    yield "## 身份证阅读器 · Id-card readers\n"
    yield "帧：`AA AA AA 96 69`，长度两字节，命令与参数（应答为三字节状态），数据，异或校验。来源：GA 467。"
    yield "A frame: `AA AA AA 96 69`, two bytes of length, command and parameter (in answers three bytes of status), data, XOR check.\n"
    yield "| 步骤 step | 命令 command | 成功 yes | 否 no |"
    yield "| --- | --- | --- | --- |"
    for zh, en, code, good, bad in (
        ("寻卡", "find", FIND, FOUND, NOTHING),
        ("选卡", "select", SELECT, DONE, NOT_SELECTED),
        ("读卡", "read", READ, DONE, NOT_READ),
    ):
        yield f"| {zh} {en} | `{code[0]:02X} {code[1]:02X}` | `{good:06X}` | `{bad:06X}` |"
    yield ""
    yield f"应答：文字 {TEXT_BYTES} 字节（UTF-16LE，定宽，空格补齐），相片 {PHOTO_BYTES} 字节（WLT，原样交给 HIS，不解码、不入日志）；指纹不保留。"
    yield f"Text of {TEXT_BYTES} bytes (UTF-16LE, fixed widths, padded with spaces), photo of {PHOTO_BYTES} bytes (WLT, given to the HIS as it is); fingerprints are not kept."
    yield f"第 {MARK_AT} 字节说明是哪一种 · byte {MARK_AT} says which kind it is.\n"
    for layout in LAYOUTS:
        yield from _layout(layout)
    for mark, (zh, en) in NOT_DECLARED.items():
        yield f"标志 `{mark}`：{zh}。机读字段未见公开资料，不猜测，报 `card.unsupported`，请手工登记。"
        yield f"Mark `{mark}`: {en}. Its fields are not published: refused as `card.unsupported`, register by hand.\n"


def _layout(layout: Layout) -> Iterator[str]:
    yield f"### {layout.zh} · {layout.en} (`{layout.kind}`)\n"
    yield f"标志 mark: {f'`{layout.mark}`' if layout.mark else '空 none'}；来源 source: {layout.source}\n"
    yield "| 起 start | 字节 bytes | 字段 field | 例 vectors |"
    yield "| --- | --- | --- | --- |"
    for field in sorted(layout.fields, key=lambda field: field.start):
        vectors = "<br>".join(f"`{written}` → `{text}`" for written, text in field.vectors)
        yield f"| {field.start} | {field.width} | {field.zh} · {field.name} | {vectors} |"
    yield (
        f"\n“{FOREVER}”即没有截止日期 · means without end.\n"
        if any(FOREVER in written for field in layout.fields for written, _ in field.vectors)
        else ""
    )


def _kinds() -> Iterator[str]:
    yield "## 扫码、磁条、键入 · Scanned, swiped, typed\n"
    yield "格式可声明的种类 · kinds that a layout may declare: " + ", ".join(f"`{kind}`" for kind in LAYOUT_KINDS) + "\n"


def _codes() -> Iterator[str]:
    yield "## 二维码 · Codes\n"
    yield f"医保电子凭证：向 `[[codes]] url` 发一次 POST（transType `{PUBLISHED.transaction}`），应答中的 `{PUBLISHED.token}` 作为令牌报中心。"
    yield "没有应答不等于没有：码可能已失效，报 `code.no_answer`，请刷新后重扫，绝不重发。电子社保卡没有公开的解码接口，院内码由医院自定："
    yield "在 `[[codes]]` 写明 `result_field`、`id_number_field`、`name_field`（如 `data.idNo`）。\n"
    yield f"An e-voucher: one POST to `[[codes]] url` (transType `{PUBLISHED.transaction}`); `{PUBLISHED.token}` of the reply goes to the centre. No answer is a fault of its own and is "
    yield "never sent again: the code may be used up. Of the electronic social-security card no decoding interface is published, a hospital's own code is its own: name their members.\n"
    yield '医保电子凭证也可走加密通道：`channel = "sealed"`，填 `app_id`、`app_secret`、`signing_key`（本院 SM2 私钥）、`channel_key`（对方公钥），密钥均为文件或 systemd 凭据。'
    yield "整条请求和应答用 SM4 加密、SM2 签名；应答签名不对、不能解密、时间相差超过 `window_s`、或是重复的旧应答，各有故障码，一律不采用。"
    yield "未公开、须向服务方核实的有：`user_id`（SM2 用户标识）、封装的是整条 `ec.query` 报文、未通过时的应答不加密。重复的应答只在本次运行内记住。\n"
    yield 'An e-voucher may also go by the sealed channel: `channel = "sealed"` with `app_id`, `app_secret`, `signing_key` (our SM2 private key), `channel_key` (the other side\'s public one), each a file or a credential of systemd. '
    yield "The whole request and the whole reply are enciphered (SM4) and signed (SM2). A reply with a wrong signature, one that cannot be deciphered, whose time is more than `window_s` from ours, or that came before, is a fault of its own and is never used. "
    yield "Not published, to be confirmed by the service: `user_id`, that the sealed data is the whole `ec.query` message, that refusals are not sealed. Replies that came are remembered while the daemon runs.\n"
    yield "| 用码业务 businessType | 含义 meaning |"
    yield "| --- | --- |"
    for code, (zh, en) in BUSINESS.items():
        yield f"| `{code}` | {zh} · {en} |"
    yield ""


def _stored() -> Iterator[str]:
    yield "## 旧卡 · Old cards in PC/SC readers\n"
    yield "| 芯片 chip | ATR 历史字节 historical bytes | 命令 commands |"
    yield "| --- | --- | --- |"
    for chip in CHIPS:
        history = "<br>".join(f"`{prefix.hex().upper()}`" for prefix in HISTORIES[chip])
        commands = "`FF CA` `FF 82` `FF 86` `FF B0`" if chip == CHIPS[0] else "`FF A4` `FF B0`"
        yield f"| `{chip}` | {history} | {commands} |"
    yield ""
    yield "只读，从不写卡；SLE 卡的密码从不提交（三次错即锁死）。密钥只在 `key_file` 里。 · Read only; an SLE card's security code is never presented, for three wrong ones kill it. The key stands in `key_file` alone.\n"


def _faults() -> Iterator[str]:
    yield "## 错误码 · Faults\n"
    yield "| 错误码 fault | 发生了什么 what | 怎么办 what to do |"
    yield "| --- | --- | --- |"
    for code in _FAULTS:
        spec = FAULTS[code]
        yield f"| `{code}` | {spec.zh} · {spec.en} | {spec.do_zh} · {spec.do_en} |"
