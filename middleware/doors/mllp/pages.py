"""``docs/hl7.md``: the HL7 door's conformance page, made from its tables; the examples are made by the door's own code."""

from __future__ import annotations

from pathlib import Path

from middleware.domain.masters import MAX_RECORDS, MAX_SAID, MAX_TEXT
from middleware.doors.mllp.judge import VERSIONS, judge
from middleware.doors.mllp.link import KEPT_AN_HOUR
from middleware.doors.mllp.matters import MATTERS
from middleware.doors.mllp.options import MllpOptions
from middleware.doors.mllp.profile import FIELDS, FILES, IDENTIFIERS, MASTERS, ORDER_FIELDS, RESPONSES
from middleware.doors.mllp.tables import RULES, trouble
from middleware.hl7.acknowledge import ACCEPTED, MAX_CONTROL_ID, REFUSED, acknowledgement, codes
from middleware.hl7.charset import NAMES

_HEAD = """# HL7 v2 接收接口 / The HL7 v2 interface, inbound

由 `run.py docs` 从 `middleware/doors/mllp/` 的表生成，请勿手改。HIS 向一卡通发送报文的约定；一卡通发给 HIS 的报文见
[integrators.md](integrators.md)。每条报文**先逐字节落盘，再应答**：收到 AA 或 CA，即使随后断电，报文也不会丢。

Made by `run.py docs` from the tables of `middleware/doors/mllp/`; do not edit. How a HIS sends to Yikatong; what Yikatong
sends is in [integrators.md](integrators.md). A message is **durable byte for byte before it is answered**: after AA or CA
it is not lost, whatever fails.

## 连接与成帧 / Connection and framing

| | |
| --- | --- |
| 成帧 framing | `0x0B` 报文 message `0x1C` `0x0D`；缺 `0x0D` 也受理 / an end without `0x0D` is taken, too |
| 块前 before a block | `CR`、`LF` 忽略 / ignored；其他字节留存不应答 / other bytes are kept and not answered |
| 流水 pipelining | 允许；应答次序同报文次序 / allowed; answers come in the order of the messages |
| 长度 length | 缺省不超过 / at most {max_bytes} 字节 bytes（`max_bytes`） |
| 慢速 slow senders | 自首字节起 {message_timeout_s:g} 秒内收完，否则断开 / ends within {message_timeout_s:g} s |
| 控制字符 control characters | `0x0B`、`0x1C` 在报文内须转义（`\\X0B\\`、`\\X1C\\`） / are escaped inside a message |
| 段结束 segment ends | `CR`；`LF`、`CR LF` 亦可 / too |
| 分隔符 delimiters | 由 MSH-1、MSH-2 声明，任意 ASCII 符号 / any ASCII signs, as MSH-1 and MSH-2 say |
| TLS | 本机以外必须 TLS 且验客户端证书 / beyond this machine only TLS with client certificates |

## MSH

| 字段 field | 规定 rule |
| --- | --- |
| MSH-3..6 | 应答中互换，原字节返回 / swapped in the answer, byte for byte |
| MSH-9 | 类型和事件见下表 / type and event: see below |
| MSH-10 | 1 至 {max_id} 个 ASCII 字符；每条新报文须不同 / 1 to {max_id} ASCII characters, new for each new message |
| MSH-12 | {versions}，或空 / or empty |
| MSH-15, 16 | 均空为原始模式，否则增强模式 / both empty: original mode, else enhanced |
| MSH-18 | 见“字符集” / see charsets |

## 字符集 / Charsets

MSH-18 的写法不分大小写、空格和连字符。空值按该连接的 `charset`（缺省 UTF-8）。
内容按声明的字符集逐字节检查：不符则答 AR 并留存。
GB18030 包含 GBK 和 GB2312；双字节汉字中形似分隔符的字节不会被误拆。UTF-16 不能成帧，不支持。

Case, blanks and hyphens of MSH-18 do not count. An empty one means the link's `charset` (UTF-8 by default). All bytes
must be text in the declared charset, else AR. What happens to be valid in the charset declared is taken as such.

| MSH-18 | 按 / read as |
| --- | --- |
"""

_ACKS = """
## 应答 / Acknowledgement

| MSH-15 | MSH-16 | 受理 taken | 拒收 refused |
| --- | --- | --- | --- |
"""

_REPEATS = """
连接配置 `acknowledge = "original"` 时，不论 MSH-15、16，一律只答一条 AA 或 AR：用于填了 AL/AL 却只读一条应答的 HIS。
With `acknowledge = "original"` a link answers once, AA or AR, whatever MSH-15 and 16 say: for a HIS that fills in AL/AL and
reads one answer.

**重发 / repeats.** 没有收到应答就原样重发：同一连接名下 MSH-10 和全部字节都相同的，得到当初那条应答，不会重复入库；
重启、断电、换节点之后也是如此。MSH-10 相同而内容不同的，答 AR（205）。
Send the same bytes again when no answer came: the same MSH-10 with the same bytes on the same link gets the stored answer,
after restarts and on other nodes too. The same MSH-10 with other bytes is refused.

**AR 207**：系统暂时不能写入，什么都没有留下，请稍后原样重发。 Nothing was kept; send it again later.

**应答报文**（含 MSA）不再应答。 An acknowledgement is never acknowledged.

## 受理的报文 / What is taken

| MSH-9.1 | MSH-9.2 | 内容 matter | 处理 what is done |
| --- | --- | --- | --- |
"""

_TYPES = """
站点自有的类型写入该连接的 `types`（如 `["ZXX", "ADT^Q01"]`）。所有段，包括 Z 段，原样保存，不作校验。
A site's own types stand in the link's `types`. All segments, Z segments among them, are kept as they are and not judged.

## 拒收 / What is refused

拒收的报文和不成帧的字节留存备查（`run.py inbox list`），同样内容只留一份，每连接每小时至多 {an_hour} 份。
What is refused and what cannot be framed is kept for an operator, once, and at most {an_hour} an hour and link.

| 情形 case | | 应答 answer | ERR-3（0357） | MSH | 故障码 fault |
| --- | --- | --- | --- | --- | --- |
"""

_TOLD = """
## 报文内容 / What is read

**AA 表示已落盘、将据以处理，不表示已处理。** 处理在应答之后，按到达次序，每条恰好一次；读不懂的报文留在收件箱并写明字段
（`run.py inbox failed`），不影响后面的报文；改正配置后 `run.py inbox retry`。内容错误不答 AE：重发同一报文不会变对。
查询（QBP）例外：应答就是结果，错误答 AE 和 QAK-2 `AE`；增强模式先答 CA，RSP 是第二条。重发的查询按当时所知重新作答。

**AA means durable and to be acted on, not acted on.** That happens after the answer, in order, each message exactly once.
What cannot be read stays in the inbox with the field's name, holds up nothing behind it, and may be retried. A query is
the exception: its answer is the result, its errors are AE; in enhanced mode CA comes first and the RSP is second.

PID-3 按 PID-3.5 分辨（`identifiers` 可添改）；没有列出的类型不采用。其他：PID-2（PID-3 无病人号时）、PID-5 姓名、PID-7、
PID-8、PID-19 医保号、PID-21 新生儿之母；MRG-1 被合并的号；PV1-19 就诊号。证件只作查找和核对，
**结算一律用卡证所证明的身份**。
PID-3 is told apart by PID-3.5 (`identifiers` adds); a type not listed means nothing. A settlement always uses the identity
that the card or voucher proved.

| PID-3.5 | 含义 meaning |
| --- | --- |
{identifiers}
费用明细每条一行（FT1，或按 `charges` 取 OBR），以 `line` 为准只收一次，没有时以 MSH-10 加序号。再发同一条是改动；
FT1-6 为 `CR`、`CD`，或其前 ORC-1 为 `CA`、`OC`、`CR`、`DC`、`OD`、`DR`，是撤销。
金额为整分，与单价乘数量相差不超过 1 分，不收负数。`fields` 可改位置。
A line is charged once by its number, else by MSH-10 and set id. The same line again is a change; FT1-6 `CR` or `CD` takes
it back, and so does the ORC before an OBR whose ORC-1 is `CA`, `OC`, `CR`, `DC`, `OD` or `DR`. Amounts are whole fen
within one fen of price times quantity, and never negative.

| 内容 name | FT1 | OBR |
| --- | --- | --- |
{fields}
主数据（MFN）答 MFK^M01：MFI 原样，MFI-6 要求的每条记录一个 MFA，MFA-4 为 `S`（已落盘，将据以处理）或 `U`
（读不懂，附原因；MSA 为 AE，其余记录照收）。MFE-1：`MAD`、`MUP` 增改（须有名称），`MAC`、`MDC`、`MDL` 启用、停用、
删除（可无记录段，按 MFI-1 认）；MFE-3 为生效时间，空为收到时；编码取记录段，空时取 MFE-4。不带的内容不清空，
文件中没有的记录不删除，填 `""` 的取消。每条记录发来的全部字段原样保存（至多 {said} 个，每个至多 {text} 字），
操作员可见（`his.master`）。每条报文至多 {records} 条。`masters` 可改位置；MFI-1 认得：{files}。
Master files get MFK^M01: MFI as it came, an MFA for each record that MFI-6 wants to hear of, `S` (durable, to be acted on)
or `U` with the reason (MSA is AE then; the other records are taken). MAD and MUP tell a name; MAC, MDC and MDL may come
without their segment. MFE-3 says from when on. What is left out takes nothing away, `""` does. Every field that
came is kept as it came (at most {said} of {text} characters), for operators (`his.master`). At most {records} records a
message.

| 内容 name | 位置 place |
| --- | --- |
{masters}
`responses` 里写了的站点事件不答 ACK，答带病人的报文（{responses}）：所知的病人，尚无所知时按报文所说；内容错误答 AE。
A site event named in `responses` is answered with the patient as known, or as the message says it when nothing is known.
"""

_EXAMPLES = """
## 示例 / Examples

`<CR>` 为段结束；成帧符省略。 `<CR>` ends a segment; the block's own characters are left out.
"""

_PERSON = "PID|1||C0001234^^^^IDCard~A12345678^^^^Card_No||测试一\r"
_SHOWN = (
    ("门诊挂号，原始模式", "a registration, original mode", "ADT^A04", "2.4", "|", "UNICODE UTF-8", "utf-8"),
    ("增强模式，两条应答", "enhanced mode, two answers", "ADT^A08", "2.5", "AL|AL", "GB 18030-2000", "gb18030"),
    ("字符集与声明不符，2.4", "another charset than declared, 2.4", "ADT^A04", "2.4", "|", "UTF-8", "gb18030"),
    ("类型不受理，2.5", "a type that is not taken, 2.5", "ZZZ^Z99", "2.5", "|", "UNICODE UTF-8", "utf-8"),
)


# What people call what the tables name.
_WORDS = {
    "citizen": "公民身份号码 citizen's id number", "hk-macao-permit": "港澳居民来往内地通行证 permit",
    "taiwan-permit": "台湾居民来往大陆通行证 permit", "passport": "护照 passport",
    "his-patient": "HIS 病人号 the HIS's own number", "his-inpatient": "住院号 inpatient number",
    "his-master": "主索引号 number of the hospital's index", "treatment-card": "就诊卡号 treatment card",
    "health-card": "居民健康卡号 health card", "insurance-card": "社会保障卡号 social-security card",
    "hospital-code": "院内码 the hospital's code", "line": "明细号 number of the line",
    "kind": "记账或撤销 charge or credit", "at": "发生时间 when", "code": "院内项目编码 the hospital's code",
    "name": "项目名称 name", "catalogue": "医保目录编码 insurance catalogue", "quantity": "数量 quantity",
    "amount": "金额 amount", "price": "单价 price", "department": "科室编码 department",
    "department_name": "科室名称 its name", "doctor": "医生编码 doctor", "doctor_name": "医生姓名 the doctor's name",
    "prescription": "处方号 prescription", "department.code": "科室编码 code", "department.name": "科室名称 name",
    "department.specialty": "科别 the centre's specialty (caty)", "staff.code": "人员编码 code",
    "staff.name": "姓名 name", "staff.department": "所属科室编码 department",
    "staff.national": "医保医师编码 the centre's code", "item.code": "院内项目编码 code", "item.name": "项目名称 name",
    "item.catalogue": "医保目录编码 insurance catalogue", "item.price": "单价 price",
}  # fmt: skip


def write(path: Path) -> None:
    """The whole page, the same text each time."""
    options = MllpOptions()
    versions = "、".join(sorted(version.decode() for version in VERSIONS if version))
    text = _HEAD.format(
        max_bytes=options.max_bytes, message_timeout_s=options.message_timeout_s, max_id=MAX_CONTROL_ID, versions=versions
    )
    text += "".join(f"| `{name}` | {codec} |\n" for name, codec in NAMES.items())
    text += _ACKS + "".join(_modes())
    text += _REPEATS + "".join(
        f"| {row.type} | {_events(row.events)} | {row.zh} / {row.en} | {row.does_zh} / {row.does_en} |\n" for row in MATTERS
    )
    text += _TYPES.format(an_hour=KEPT_AN_HOUR) + "".join(_refusals())
    text += _TOLD.format(
        identifiers="".join(
            f"| {f'`{name}`' if name else '（空 empty）'} | `{what}` {_WORDS[what]} |\n"
            for name, what in IDENTIFIERS.items()
        ),
        fields="".join(f"| `{name}` {_WORDS[name]} | {place} | {ORDER_FIELDS[name]} |\n" for name, place in FIELDS.items()),
        masters="".join(f"| `{name}` {_WORDS[name]} | {place or '（无 none）'} |\n" for name, place in MASTERS.items()),
        files="、".join(f"`{name}`" for name in FILES),
        responses="、".join(f"`{name}={one}`" for name, every in RESPONSES.items() for one in every),
        records=MAX_RECORDS,
        said=MAX_SAID,
        text=MAX_TEXT,
    )
    text += _EXAMPLES + "".join(_example(*shown) for shown in _SHOWN)
    path.write_text(text, encoding="utf-8")


def _events(pattern: str) -> str:
    """A bar would end the table's cell."""
    return "、".join(f"`{one}`" for one in pattern.split("|"))


def _modes() -> list[str]:
    rows = []
    for accept, application in (
        ("", ""), ("AL", "NE"), ("AL", "AL"), ("NE", "AL"), ("ER", "NE"), ("SU", "NE"), ("NE", "NE"),
    ):  # fmt: skip
        header = judge(f"MSH|^~\\&|||||||ADT^A04|1|P|2.4|||{accept}|{application}\r".encode(), "utf-8", ()).header
        told = [", ".join(codes(header, verdict)) or "（无 none）" for verdict in (ACCEPTED, REFUSED)]
        rows.append(f"| {accept or '（空 empty）'} | {application or '（空 empty）'} | {told[0]} | {told[1]} |\n")
    return rows


def _refusals() -> list[str]:
    return [
        f"| {row.zh} | {row.en} | {'AR' if row.number else '（无 none）'} | {row.number or ''} {row.name} "
        f"| {row.field or ''} | `{row.fault}` |\n"
        for row in RULES.values()
    ]


def _example(zh: str, en: str, kind: str, version: str, modes: str, charset: str, codec: str) -> str:
    text = f"MSH|^~\\&|HIS|H1|YKT|H1|20261121090000||{kind}|M0001|P|{version}|||{modes}|CHN|{charset}\r{_PERSON}"
    judged = judge(text.encode(codec), "utf-8", ())
    verdict = REFUSED if judged.fault else ACCEPTED
    told = trouble(judged.fault) if judged.fault else None
    answers = [
        acknowledgement(judged.header, code, f"K7.{number}".encode(), b"20261121090000+0800", told).decode(codec)
        for number, code in enumerate(codes(judged.header, verdict), start=1)
    ]
    shown = "\n".join(f"< {_lines(answer)}" for answer in answers)
    return f"\n{zh} / {en}：\n\n```\n> {_lines(text)}\n{shown}\n```\n"


def _lines(text: str) -> str:
    return text.rstrip("\r").replace("\r", "<CR>\n  ") + "<CR>"
