"""Every key of a region's profile in Chinese: what stands behind a mistake, and in ``docs/profile-keys.md``. Data.

``WORDS`` holds each key once; ``*`` is a row's own name. The three kinds of visit share theirs (``KINDS``).
"""

from __future__ import annotations

import re
from types import MappingProxyType

import attrs

from config.load import Problem

KINDS = ("outpatient", "pharmacy", "inpatient")
_KIND = "kind-of-visit"
_ROW = re.compile(r"\[\d+\]")

WORDS = MappingProxyType(
    {
        "name": "这套地区规则的名称",
        "region": "就医地六位区划（mdtrtarea_admvs）",
        "dialect": "接口形式：每交易一个 SOAP 操作、process(xml)、^ 与 | 字符串、国家平台 JSON",
        "reversible": "2601 可冲正哪些交易",
        "not_found_codes": "2601 表示“查无原交易”的拒绝代码",
        "already_reversed_codes": "2601 表示“原交易已冲正”的拒绝代码",
        "adopt_listed": "结果不明而次日结果文件（3202）完整列出的：true 认账，false 冲正",
        "sign_in_again_codes": "表示“请先签到（9001）”的拒绝代码",
        "refusing_fault_codes": "确定未处理的 SOAP Fault 代码；中心未书面确认则留空",
        "after_settle": "结算成功后还须：nothing 无、confirm 确认（9901）、check 核对（9902）",
        "sign_in": "签到规则：daily 每日、never 不签到",
        "quote_expiry_s": "预结算多久有效",
        "processing_limit_s": "报文到达后最迟多久处理完：此后“查无”才可结束冲正",
        "max_lines": "一次 2204 或 2301 的明细行数",
        "soap": "中心的 WSDL 及其报文中的名称",
        "soap.wsdl": "中心自己的 WSDL，放在 config/regions/wsdl；空：随附的",
        "soap.operation": "操作名；dialect = soap 时以 {code} 代表交易；空：随附 WSDL 的",
        "soap.codes": "中心另有代码的交易：我方 = 中心",
        "soap.head": "soap-process：信封各元素依次放我方哪个字段",
        "soap.names": "soap-process：root、input、output、code、message、message_id、said_at 的别名",
        "soap.fields": "soap-process：中心另有名称的字段和节点：我方 = 中心",
        "envelope_extras": "信封附加字段及其值",
        "extra_codes": "本地在码表中增加的代码",
        "statement": "如何对账，对账文件的样子",
        "statement.detail": "是否逐行对明细（3202）",
        "statement.by_cycle": "老中心无报文编号：签退（9002）前按业务周期对总账",
        "statement.refunds_apart": "3201 是否结算、退费分开各问一次",
        "statement.columns": "上传文件的列，按顺序",
        "statement.result_columns": "结果文件的列，按顺序",
        "statement.header": "两种文件首行是否为列名",
        "statement.encoding": "两种文件的编码；gb18030 含 GBK、GB2312",
        "statement.verdicts": "stmt_rslt 各代码的含义：equal、differs、only-here、only-there、amounts",
        "statement.not_ready_codes": "3202、9102 表示“未就绪，稍后再问”的拒绝代码",
        "statement.signed_out_codes": "9002 和按周期 3201 表示“该签到已结束”的拒绝代码",
        "catalogue": "中心提供哪些目录，如何提供",
        "catalogue.offered": "提供的目录和字典，按交易代码",
        "catalogue.first_version": "首次全量下载用的版本号",
        "catalogue.newest_codes": "1301-1309 表示“已是最新”的拒绝代码",
        "catalogue.not_ready_codes": "9102 表示“文件未就绪”的拒绝代码",
        "catalogue.ordered": "文件中的版本是否从不回退；false 不论顺序",
        "catalogue.encoding": "目录文件的编码",
        "catalogue.columns": "目录文件与已公布不同的列位置，从 1 起",
        "catalogue.first_day": "1312、1317、1318、1319 全量下载的起始日",
        "catalogue.page_rows": "它们每页的行数",
        "catalogue.lists": "1901 所问的码表：我方名称 = 中心名称",
        "catalogue.refuse_unknown": "true：含目录没有或已停用项目的预结算一律拒绝；false：只提示",
        "outpatient": "门诊、急诊、慢特病、生育",
        "pharmacy": "药店售药（2102）",
        "inpatient": "住院（2401-2405）",
        f"{_KIND}.allowed": "是否办理这类就诊",
        f"{_KIND}.tell_visit": "就诊是否通知 HIS",
        f"{_KIND}.tell_charges": "结算、撤销是否通知 HIS",
        f"{_KIND}.withdraw": "未成的登记是否自动撤销（2202、2404）",
        f"{_KIND}.on_his_refusal": "中心已结算而 HIS 拒绝：hold 转人工、cancel 撤销",
        f"{_KIND}.on_his_silence": "HIS 一直不答：tell 继续通知、hold 转人工、cancel 撤销",
        f"{_KIND}.his_silence_s": "多久算不答",
        f"{_KIND}.max_total": "一张账单最多多少元；空：不限",
        f"{_KIND}.max_lines": "一张账单最多几行；0：不限",
        f"{_KIND}.days_back": "费用或就诊最多多少天前；0：不限",
        f"{_KIND}.cancel_days": "结算后多少天内可撤销；0：不限",
        f"{_KIND}.quote_expiry_s": "这类就诊的预结算有效期；0：同地区的",
        f"{_KIND}.evidence": "结果不明依次查证什么；此后转人工",
        "outpatient.upload_visit": "诊断用 2203 上传；按门诊管理的药店用 2203A",
        "inpatient.discharge": "出院办理（2402）在预结算之前、结算之前，还是结算之后",
        "cross_region": "异地参保人",
        "cross_region.local_digits": "区划前几位相同算本地参保",
        "cross_region.regions": "可接待哪些地区的参保人（区划开头）；空：不接待异地",
        "cross_region.kinds": "可办理哪类就诊",
        "cross_region.reversible": "其交易 2601 可冲正哪些",
        "cross_region.evidence": "其结果不明依次查证什么；空：同就诊类别",
        "cross_region.max_total": "一张账单最多多少元；空：不限",
        "categories": "本地增加或不同的医疗类别",
        "categories.*.kind": "属于哪类就诊",
        "categories.*.name": "名称",
        "categories.*.insurances": "可用的险种，优先在前；空：各普通险种",
        "categories.*.needs": "须提供：disease 病种、maternity 生育信息",
        "query_visits": "登记、出院、结算无应答时可否以 5201 查询",
        "already_done_codes": "重发登记、明细、出院、备案时表示“已做过”的拒绝代码",
        "services": "中心有哪些查询、备案、变更",
        "lengths": "与字段表不同的字段长度",
        "national": "dialect = national：JSON 的样子",
        "national.content_type": "报文的内容类型",
        "national.numbers": "金额、数量：number 不带引号、text 带引号",
        "national.addresses": "另有地址的交易，相对 [centre] url",
        "gateway": "中心服务之前的网关",
        "gateway.scheme": "none 无；csb：_api_* 报文头；tif：x-tif-* 报文头",
        "gateway.api_name": "csb：服务名；没有就发不出",
        "gateway.api_version": "csb：服务版本",
        "gateway.timestamp": "csb：时间为毫秒（13 位）或秒（10 位）",
        "gateway.window_s": "时钟相差超过此数网关即拒绝",
        "signature": "信封的签名",
        "signature.scheme": "none 无；mock 测试；sm2：SM3withSM2；password：cainfo 为 RSA 加密的密码",
        "signature.user_id": "sm2：签名者用户标识",
        "signature.form": "sm2：raw 为 r、s 共 64 字节，der 为 ASN.1",
        "signature.signtype": "password：signtype 的值",
        "signature.with_token": "password：密码后接网关令牌（tif）",
        "mobile": "移动支付渠道",
        "mobile.offered": "本地有无移动支付（6201-6302）",
        "mobile.paths": "另有路径的交易，相对 [mobile] url；否则以代码为路径",
        "mobile.user_id": "渠道签名的用户标识；app-secret：用应用密钥",
        "mobile.fee_type": "门诊账单的 feeType；没有就不能下单",
        "mobile.valid_s": "付款时限；此后医保已付的退回",
        "mobile.poll_s": "下单后多久首次用 6301 查询，此后逐次加倍",
        "mobile.poll_max_s": "两次查询的最长间隔",
        "mobile.unpaid": "确定没有付款、过时也不会再付的 ordStas",
        "mobile.clearing_type": "对账中这些行的清算类别（clr_type）",
        "mobile.clearing_agency": "对账中这些行的清算机构（clr_optins）",
    }
)


def word(path: str) -> str:
    """Its Chinese; of what stands inside a value, that of the nearest key around it; "" for what is no key."""
    path = _ROW.sub("", path)
    while path:
        table, _, name = path.partition(".")
        shapes = [path, f"{_KIND}.{name}" if table in KINDS else path]
        shapes += [f"categories.*.{name.partition('.')[2]}"] if table == "categories" else []
        found = next((WORDS[one] for one in shapes if one in WORDS), "")
        if found:
            return found
        path = path.rpartition(".")[0]
    return ""


def in_chinese(problem: Problem) -> Problem:
    """The same with the key's meaning before it."""
    meaning = word(problem.path)
    return attrs.evolve(problem, hint=f"{meaning}。{problem.hint}" if problem.hint else meaning) if meaning else problem
