"""What to look at when a call ended otherwise than expected: words of ours about an outcome, none of the centre's."""

from __future__ import annotations

from daemon.conformance.table import Note
from middleware.domain.centre import CentreReply
from middleware.domain.fault import FAULTS, Fault
from middleware.domain.outcome import NotSent, Outcome, Refused, Unknown

_CAUSES = {
    "time-out": Note("没有按时应答：查地址、防火墙", "no answer in time: look at address and firewall"),
    "connection-lost": Note("连接中断：查地址、TLS、代理、防火墙", "the connection was cut: address, TLS, proxy, firewall"),
    "http-status": Note("HTTP 状态不是成功：查地址、路径、网关", "not a success of HTTP: address, path, gateway"),
    "not-soap": Note("应答不是 SOAP：地址是服务还是网页", "no SOAP: is the address the service's, or a page's?"),
    "not-json": Note("应答不是 JSON：地址是服务还是网页", "no JSON: is the address the service's, or a page's?"),
    "too-long": Note("应答过长", "the answer is too long"),
    "unreadable": Note(
        "应答读不懂：dialect、[soap] 的 WSDL 和名称是否与中心一致", "unreadable: dialect, WSDL and names of [soap]"
    ),
    "fault-without-code": Note(
        "无代码的 SOAP Fault，多为网关页面：查地址", "a Fault without a code, often a gateway's page"
    ),
    "soap-fault": Note(
        "SOAP Fault：操作名、参数是否与中心的 WSDL 一致", "a SOAP Fault: operation and parameter of its WSDL"
    ),
    "incomplete": Note(
        "应答缺必需的部分：[soap] names、fields 是否与中心一致", "a part is missing: names and fields of [soap]"
    ),
    "not-ours": Note(
        "应答是别的报文或别人的：查 [soap] names 的 message_id", "another message's or person's: message_id of [soap]"
    ),
}


def advice_of(outcome: Outcome[CentreReply]) -> Note:
    """Nothing for an answer."""
    match outcome:
        case Refused(code):
            return Note(f"{code} 是中心的代码：查其代码表，或问中心", f"{code} is the centre's own: look it up, or ask")
        case NotSent(fault, detail):
            return note_of(Fault(fault, detail))
        case Unknown(cause, detail):
            said = _CAUSES.get(cause, Note())
            return Note(f"{said.zh}（{detail}）" if detail and said.zh else said.zh, said.en)
        case _:
            return Note()


def note_of(fault: Fault) -> Note:
    """What a fault of ours means and what to do, by its one table."""
    row = FAULTS[fault.code]
    detail = f"（{fault.detail}）" if fault.detail else ""
    return Note(f"{row.zh}{detail}：{row.do_zh}", f"{row.en}: {row.do_en}")
