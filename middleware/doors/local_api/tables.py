"""When an answer keeps the connection and when it ends it: one table, read by people and by tests."""

from __future__ import annotations

from attrs import frozen


@frozen(slots=True)
class Rule:
    """One case. ``answer`` is the fault code that is sent first, "" when there is nobody to answer."""

    zh: str
    en: str
    answer: str
    closes: bool


# fmt: off
RULES = (
    Rule("不是合法 JSON、编码不符、空行", "not JSON, not in the session's charset, an empty line", "request.not_json", closes=False),
    Rule("不是 JSON-RPC 2.0 请求：批量、通知、无 id、多余成员", "not a JSON-RPC 2.0 request: a batch, a notification, no id, an unknown member", "request.invalid", closes=False),
    Rule("嵌套过深", "nested too deeply", "request.too_deep", closes=False),
    Rule("没有这个方法", "unknown method", "request.unknown_method", closes=False),
    Rule("参数缺失、未知或类型不对", "a parameter missing, unknown or of the wrong type", "request.bad_params", closes=False),
    Rule("尚未 session.hello", "no session yet", "access.no_session", closes=False),
    Rule("其他角色的方法", "another role's method", "access.role", closes=False),
    Rule("同一连接进行中的请求过多", "too many requests in flight on one connection", "request.too_many", closes=False),
    Rule("全部连接进行中的请求过多", "too many requests in flight on all connections", "system.busy", closes=False),
    Rule("系统正在停止", "the daemon is stopping", "system.stopping", closes=False),
    Rule("内部错误", "an internal error", "system.internal", closes=False),
    Rule("令牌不对（未达次数上限）", "a wrong token, fewer times than the limit", "access.bad_token", closes=False),
    Rule("令牌不对，达到次数上限", "a wrong token, for the last time allowed", "access.bad_token", closes=True),
    Rule("一行超过长度上限", "a line longer than the limit", "request.too_long", closes=True),
    Rule("一行开始后未在时限内结束", "a line begun and not ended in time", "request.not_json", closes=True),
    Rule("连接后未在时限内建立会话", "no session opened in time", "access.no_session", closes=True),
    Rule("连接总数已满", "one connection too many", "system.busy", closes=True),
    Rule("长时间无请求、无进行中的请求、无订阅", "idle: no request, nothing in flight, no watch", "", closes=True),
    Rule("应答长时间不读或积压过多", "answers left unread too long, or too many of them", "", closes=True),
)
# fmt: on
