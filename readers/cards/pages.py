"""The card reference, docs/cards.md, made from the declarations, so that it cannot say anything else than they do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from middleware.domain.fault import FAULTS
from readers.cards import social_security as ss
from readers.cards.catalogue import ALL_KINDS, EVERY_ENVIRONMENT, SOCIAL_SECURITY
from readers.cards.declaration import Access, Balance, CardFile, Environment, Generation, Item, Structure, Vector
from readers.cards.encoding import masked_account
from readers.cards.looking import WHAT_TO_DO
from readers.status_words import STATUS_WORDS

_HEAD = """\
# 卡片参考 · Card reference

本页由程序的卡片声明生成：`python run.py docs`。请勿手工修改。
Made from the declarations in `readers/cards/` by `python run.py docs`; do not edit it by hand.

每个数据项都带有自己的测试向量，同一向量由测试逐项核对。含义未公开的数据项如实标明。
Each item carries its own test vectors, which the tests walk one by one. An item whose meaning is not published says so.
"""
_GENERATIONS = {Generation.FIRST: "1.00", Generation.SECOND: "2.00/2.01", Generation.THIRD: "3.00"}


def write(path: Path) -> None:
    """Write the page."""
    path.write_text("\n".join(_page()) + "\n", encoding="utf-8")


def _page() -> Iterator[str]:
    yield _HEAD
    yield from _kinds()
    yield from _sides()
    yield from _algorithms()
    yield from _access()
    for environment in EVERY_ENVIRONMENT:
        yield from _environment(environment)
    yield from _words()


def _kinds() -> Iterator[str]:
    yield "## 识别 · Which card it is\n"
    yield "按配置 `[pcsc] kinds` 的顺序逐一试探；下表为缺省顺序。"
    yield "Tried in the order of `kinds` in `[pcsc]`; this is the default order.\n"
    yield "| 种类 kind | 名称 name | 依据 known by | 来源 source | 读取 read here |"
    yield "| --- | --- | --- | --- | --- |"
    for kind in ALL_KINDS:
        todo = f": {kind.todo_zh} / {kind.todo_en}" if kind.todo_zh else ""
        read = f"是 yes{todo}" if kind.readable else f"否 no{todo}"
        if not kind.probes:
            yield f"| `{kind.key}` | {kind.zh} · {kind.en} | — | {kind.known_zh} / {kind.known_en} | {read} |"
        for probe in kind.probes:
            yield f"| `{kind.key}` | {kind.zh} · {kind.en} | `{probe}` | {probe.source} | {read} |"
    yield ""


def _sides() -> Iterator[str]:
    yield "## 接触与非接触 · Contact and contactless\n"
    yield "两面用同样的命令、文件和读取条件读；金融应用的目录，接触面在 PSE，非接触面在 PPSE。第三代卡非接触面的其他差异未见公开资料，未在实卡上核对。"
    yield "Both sides are read by the same commands, files and rules; the list of financial applications is in the PSE on the contact side and in"
    yield "the PPSE on the contactless one. Other differences of third-generation cards are not published; nothing here was confirmed on a card.\n"


def _algorithms() -> Iterator[str]:
    yield "## 密钥算法 · Cipher of the keys\n"
    yield "SSSE 的 FCI 中标签 9F0C 内的 86；没有即为 3DES。 · Tag 86 inside 9F0C of the FCI of SSSE; absent means 3DES.\n"
    for marker, name in ss.ALGORITHMS.items():
        yield f"- `{marker:02X}` {name}"
    yield ""
    yield "卡识别码（标签 01）：地区 6 位，序列 18 位，IRK 下的 MAC 8 位。没有 IRK（PSAM 或加密机）不能验证 MAC。"
    yield "The card identification code (tag 01): region (6), serial (18), MAC under IRK (8). Without IRK (PSAM or HSM) the MAC cannot be proved.\n"


def _access() -> Iterator[str]:
    yield "## 读取条件 · Access rules\n"
    yield "| 规则 rule | 怎么办 what to do |"
    yield "| --- | --- |"
    for rule in Access:
        zh, en = WHAT_TO_DO.get(rule, ("自由读取", "nothing: it is free"))
        yield f"| {rule} | {zh} · {en} |"
    yield ""


def _environment(environment: Environment) -> Iterator[str]:
    yield f"## {environment.label} {environment.zh} · {environment.en}\n"
    selects = [name.hex().upper() for name in (environment.name, *environment.also) if name]
    selects += (
        [" → ".join(f"{identifier:04X}" for identifier in environment.identifiers)] if environment.identifiers else []
    )
    yield f"{', '.join(f'`SELECT {select}`' for select in selects)}. {environment.source}\n"
    for file in environment.files:
        yield from _file(file, versioned=environment in SOCIAL_SECURITY)
    for balance in environment.balances:
        yield from _balance(balance)


def _file(file: CardFile, *, versioned: bool) -> Iterator[str]:
    versions = ", ".join(_GENERATIONS[generation] for generation in sorted(file.generations))
    yield f"### {file.path} {file.zh} · {file.en}" + (f" ({versions})\n" if versioned else "\n")
    yield f"- 结构 structure: {file.structure}{_extent(file)}"
    rules = dict.fromkeys(file.access[generation] for generation in sorted(file.generations))
    for rule in rules:
        whose = ", ".join(_GENERATIONS[g] for g in sorted(file.generations) if file.access[g] is rule)
        yield f"- 读取 read: {rule}" + (f" ({whose})" if versioned else "")
    if file.key:
        yield f"- 密钥引用 key reference: {file.key:02X}"
    if file.source:
        yield f"- 来源 source: {file.source}"
    yield ""
    if file.items:
        yield from _items(file.items, "字段 field" if file.structure is Structure.NUMBERED else "标签 tag")
    for group in file.groups:
        last = group.first + group.count - 1
        yield f"标签 {group.tag:02X} {group.zh}，记录 {group.first}-{last} · tag {group.tag:02X}, {group.en}, records {group.first}-{last}:\n"
        yield from _items(group.items, "标签 tag")


def _extent(file: CardFile) -> str:
    if file.records:
        return f", {file.records}" + (f", SFI {file.file_id:02X}" if file.by_short_id else "")
    return f", {file.size}" if file.size else ""


def _items(items: tuple[Item, ...], place: str) -> Iterator[str]:
    yield f"| {place} | 数据项 item | 字节 bytes | 编码 encoding | 例 vectors | 来源 source |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for item in items:
        vectors = "<br>".join(_hidden(vector) if item.never_shown else _vector(vector) for vector in item.vectors)
        width = f"{item.least}-{item.width}" if item.least else f"{item.width}"
        name = f"{item.zh} · {item.en}"
        if item.since is not Generation.FIRST:
            name += f" (自 since {_GENERATIONS[item.since]})"
        if item.may_be_missing:
            name += " (可缺 may be missing)"
        yield f"| `{item.tag:02X}` | {name} | {width} | {item.encoding} | {vectors} | {item.source} |"
    yield ""


def _vector(vector: Vector) -> str:
    raw = bytes.fromhex(vector.raw)
    body = raw.rstrip(raw[-1:]) if raw[-1:] in {b"\x00", b"\xff", b" "} else raw
    padding = len(raw) - len(body)
    padded = padding > 3  # noqa: PLR2004 - shorter padding is shown as it is
    shown = f"{body.hex().upper()} {raw[-1]:02X}×{padding}" if padded else vector.raw
    return f"`{shown}` → {'拒绝 refused' if vector.malformed else f'`{vector.text}`'}"


def _hidden(vector: Vector) -> str:
    """An example of what is never shown: not here either."""
    return "拒绝 refused" if vector.malformed else f"`{masked_account(vector.text)}`"


def _balance(balance: Balance) -> Iterator[str]:
    yield f"### {balance.path} {balance.zh} · {balance.en}\n"
    yield f"- 命令 command: `{balance.command.hex().upper()}`"
    yield f"- 读取 read: {balance.access}"
    yield f"- 来源 source: {balance.source}\n"
    if balance.items:
        yield from _items(balance.items, "次序 place")


def _words() -> Iterator[str]:
    yield "## 状态字 · Status words\n"
    yield "| 状态字 word | 含义 meaning | 故障代码 fault | 怎么办 what to do |"
    yield "| --- | --- | --- | --- |"
    for word in STATUS_WORDS:
        spec = FAULTS.get(word.fault)
        todo = f"`{word.fault}` | {spec.do_zh} · {spec.do_en}" if spec else "— | —"
        yield f"| `{word.pattern}` | {word.zh} · {word.en} | {todo} |"
