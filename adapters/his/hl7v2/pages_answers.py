"""The half of ``docs/hl7-out.md`` about what a HIS answers, when, and where; shown by the code that reads it."""

from __future__ import annotations

from attrs import evolve

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import encode
from adapters.his.hl7v2.mapping import read_ack
from adapters.his.hl7v2.numbers import number_message, with_number
from adapters.his.hl7v2.repertoire import segments_of
from middleware.domain.his import HisAccepted, PostCharges
from middleware.domain.numbering import NONE_YET, RESYNC, START, Judged, judge
from middleware.domain.outcome import Answered, Refused

_NUMBER = 12  # MSH-13 of the examples

_ANSWERS = """
## 连接 / Connection

一卡通是客户端，连到 HIS 的 MLLP 端口（`[his] host`、`port`，缺省 2575），保持连接，断了自动再连；`connections` 条并行。
成帧：`0x0B` 报文 `0x1C 0x0D`，段以 `0x0D` 结束。`[his.tls]` 启用 TLS，可带客户端证书。
没有应答的报文以**同样的字节**（MSH-7、MSH-10 也不变）重发，直到有应答：HIS 须按 MSH-10 认出重复，答同样的结果，
不重复记账。拒收的不自动重发，由人处理。

Yikatong is the client: it connects to the HIS's MLLP port (`[his] host`, `port`, 2575 by default), keeps the connection
and connects again by itself. Blocks are `0x0B` message `0x1C 0x0D`, segments end with `0x0D`; TLS and a client
certificate by `[his.tls]`. A message without an answer is repeated with the **same bytes** (MSH-7 and MSH-10 too) until
it has one: the HIS knows a repeat by MSH-10, answers the same and books nothing twice. What was refused is not
repeated: a person mends it.

## MSH-10

至多 20 个字符，首字母说明是什么。 / At most 20 characters; the first letter says what it is.

| | |
| --- | --- |
| `R` | 登记 registration |
| `P` `C` | 结算、撤销 settlement, its cancellation |
| `U` | 资料变更 update |
| `M` `N` | 合并、撤销合并 merge, merge undone |
| `A` `E` `O` | 开户、结账、撤销后再开户 account opened, ended, opened again |
| `Q` | 查询 query |
| 末尾一个小写字母 a small letter at the end | 给其他接收系统的副本（`mark`） a copy for another destination |
| 末尾 `.1` 至 `.9` at the end | 人工更正后的新报文，日期缩短 corrected by a person, a shortened date |

## 应答 / Acknowledgement

| MSH-15 | MSH-16 | HIS 应答 what the HIS answers |
| --- | --- | --- |
| 任意 any | 空、`NE`、`ER` empty, `NE`, `ER` | 一条：`AA` 或 `CA` 收下，`AE` `AR` `CE` `CR` 拒绝 / one: taken or refused |
| 任意 any | `AL`、`SU` | 先 `CA` 后 `AA`、`AE`、`AR`，见下 / `CA`, then `AA`, `AE` or `AR`: see below |
| `AL`、`SU` | `AL`、`SU`、`ER`，且 and `answers_on` | 本连接 `CA`，结果走另一条连接 / `CA`; the result elsewhere |

`AL`、`SU` 时 `CA` 只表示收到；办理结果在同一连接另发一条应答，不发则到时重发。MSA-2 必须等于 MSH-10；
不相等的应答不作数。同一病人的报文按次序逐条投递，合并排在两个病人号的报文之间；不同病人的可经
`connections` 条连接并行，登记优先。拒绝的原因请写在 MSA-3，或 ERR-3、ERR-8，操作员看得到。

With `AL` and `SU`, `CA` says that the message was received; what became of it comes as a second acknowledgement on the
same connection, or the message is repeated. MSA-2 must be the MSH-10, or the answer counts for nothing. A patient's
messages come one after another, in order, a merge among those of both its numbers; those of different patients may come
side by side on `connections` connections, registrations first. Say why you refuse in MSA-3, or ERR-3 and ERR-8: an
operator reads it.

**病人号 / the patient's number.** 登记的应答可以带 PID：PID-3 中类型为 `identifiers.patient`（缺省 `PI`）
的号码就是该病人在 HIS 的号，以后的报文都带它，并与所读的卡证关联。
An answer to a registration may have a PID: the number in PID-3 whose type is `identifiers.patient` is the patient's at
the HIS, stands in all later messages, and is linked to the card that was read.

```
{accepted}```

拒绝 / refused:

```
{refused}```

## 应答走另一条连接 / Answers over another connection

`answers_on = "NAME"`（须 MSH-15 为 `AL` 或 `SU`，MSH-16 为 `AL`、`SU` 或 `ER`）：HIS 在本连接立即答 `CA`，
办完后连到一卡通的 `[mllp.NAME]` 端口，送一条带 MSA 的报文：MSA-1 为 `AA`、`AE` 或 `AR`，MSA-2 是我们的 MSH-10，
其余同上（PID 也在这里带）。一卡通落盘之后在那条连接答 `CA`；没有收到就原样再送。登记要等到这条应答才算完成。

- `answer_timeout_s`（缺省 60 秒）之内没有来，原报文重发；MSH-16 为 `ER` 时，没有来就是办成了。
- 同一结论再送一次，答 `CA`，不改变什么。与先前结论相反的留存并答 `CR`（`hl7.ack_closed`），由人核对。
- MSA-2 不是我们发出的（`hl7.ack_unknown`），或从别的连接来（`hl7.ack_link`），留存并答 `CR`。

With `answers_on = "NAME"` (MSH-15 `AL` or `SU`; MSH-16 `AL`, `SU` or `ER`) the HIS says `CA` at once, and when it is
done connects to Yikatong's listener `[mllp.NAME]` with a message that has an MSA: `AA`, `AE` or `AR`, MSA-2 = our
MSH-10, all else as above (the PID too). It is durable before it is answered `CA`; without that, send it again. A
registration waits for it. Without it for `answer_timeout_s` our message is repeated; with MSH-16 = `ER` silence is a
yes. The same word again gets `CA` and changes nothing; the contrary (`hl7.ack_closed`), an unknown MSA-2
(`hl7.ack_unknown`) and the wrong connection (`hl7.ack_link`) are kept and get `CR`.

```
HIS  <  {letter}
HIS  >  MSH|^~\\&|HIS||YIKATONG||20261121101113||ACK^P03^ACK|H0001|P|2.5
        MSA|CA|{control_id}
HIS 连到 [mllp.NAME] / the HIS connects to [mllp.NAME]
HIS  >  MSH|^~\\&|HIS||YIKATONG||20261121101115||ACK^P03^ACK|H0002|P|2.5|||AL|NE
        MSA|AA|{control_id}
HIS  <  MSA|CA|H0002
```

## 顺序号 / Sequence numbers

`sequence_numbers = "continue"` 或 `"ask"` 时，每条报文带 MSH-13（HL7 2.5，2.10.1），从 1 起逐条加一，号先入库再发；
一次只发一条，重发用原号。应答可在 MSA-4 说下一条期待几号。缺省 `"no"`：没有 MSH-13。

With `sequence_numbers = "continue"` or `"ask"` each message has MSH-13 (HL7 2.5, 2.10.1), counting from 1; a number is
durable before its message leaves, one message is out at a time, a repeat keeps its number. MSA-4 of the answer may say
which number is expected next. The default is `"no"`: there is no MSH-13.

```
{numbered}
HIS  >  MSA|AA|{control_id}||{after}
```

| 对 MSH-13 = {number} 的应答 the answer to {number} | MSA-4 | 含义 what it means |
| --- | --- | --- |
{judged}
停发之后不丢也不重发任何报文，两人核对后重新同步（[operations.zh.md](operations.zh.md)）。
A link that is stopped loses and repeats nothing; two persons resynchronise it ([operations.md](operations.md)).

只有 MSH 一段、MSH-13 为 {start} 的报文（`"ask"` 时每次启动先发）问期待几号：MSA-4 答下一条的号，没有数过就答 {none}；
不要当作病人资料。MSH-13 为 {resync} 的表示从下一条的号重新计，MSA-4 答 {none} 或空。
A message of MSH alone with MSH-13 = {start} (with `"ask"` first at each start) asks which number you expect: say it in
MSA-4, or
{none} when you have not counted; it is nobody's data. With MSH-13 = {resync} count anew from the number of the next
message.

```
{asking}```
"""


def page(dialect: Dialect, posting: PostCharges) -> str:
    """The sections, by an example message."""
    control_id, codec = posting.control_id, dialect.codec
    numbered = with_number(encode(segments_of(posting, dialect)).encode(codec), _NUMBER, codec).decode(codec)
    elsewhere = encode(segments_of(posting, evolve(dialect, application_ack="AL")))
    asking = number_message(dialect, "N2611211011120001", posting.created_at, START).decode(codec)
    return _ANSWERS.format(
        accepted=_answer(dialect, f"MSA|AA|{control_id}", f"PID|||P000000001^^^^{dialect.patient_type}"),
        refused=_answer(dialect, f"MSA|AE|{control_id}|收费项目未维护", "ERR|||204^Unknown key identifier^HL70357|E"),
        letter=elsewhere.partition("\r")[0],
        control_id=control_id,
        numbered=f"HIS  <  {numbered.partition(chr(13))[0]}",
        number=_NUMBER,
        after=_NUMBER + 1,
        judged="".join(_row(*case) for case in _CASES),
        start=START,
        resync=RESYNC,
        none=NONE_YET,
        asking=asking.replace("\r", "\n"),
    )


# MSA-1, MSA-4, and whether the message was a repeat.
_CASES: tuple[tuple[str, int | None, bool], ...] = (
    ("AA", None, False), ("AA", _NUMBER + 1, False), ("AE", None, False), ("AE", _NUMBER, False),
    ("AE", _NUMBER + 1, False), ("AE", _NUMBER + 1, True), ("AE", _NUMBER + 7, False), ("AA", _NUMBER + 7, False),
)  # fmt: skip


def _row(code: str, expected: int | None, repeated: bool) -> str:
    outcome = Answered(HisAccepted()) if tables.ACK_CODES[code] else Refused(code, "")
    judged = judge(_NUMBER, outcome, expected, repeated=repeated, committed=False)
    shown = "（空 empty）" if expected is None else str(expected)
    when = "，对重发 to a repeat" if repeated else ""
    return f"| `{code}`{when} | {shown} | {_meaning(judged)} |\n"


def _meaning(judged: Judged) -> str:
    taken = isinstance(judged.outcome, Answered)
    if judged.frozen:
        return "收下，随后停发 taken, then the link stops" if taken else "停发，报文等待 the link stops, the message waits"
    if taken:
        return "收下 taken"
    used = "号已用掉 the number is used up" if judged.counted else "不占号，下一条仍用此号 the next message has this number"
    return f"拒绝 refused；{used}"


def _answer(dialect: Dialect, *segments: str) -> str:
    """An answer as a HIS may write it, which the adapter itself reads, or there is no page."""
    text = "\r".join(("MSH|^~\\&|HIS||YIKATONG||20261121101113||ACK^P03^ACK|H0001|P|2.5", *segments)) + "\r"
    read_ack(text.encode(dialect.codec), dialect)
    return text.replace("\r", "\n")
