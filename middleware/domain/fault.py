"""The one table of faults: stable codes, what may be done next, and whether money moved.

A code never changes its meaning and is never used again. ``number`` is the JSON-RPC error code. Texts are for people at
a counter: what happened, then what to do, in Chinese and English. A stranger's message never becomes our text.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Kind(StrEnum):
    """Whose matter a fault is."""

    REQUEST = "request"  # the caller's message is wrong
    ACCESS = "access"  # the caller may not
    STATE = "state"  # right message, wrong moment
    CARD = "card"  # the card or its reader
    CENTRE = "centre"  # the insurance centre
    HIS = "his"  # the hospital information system
    BANK = "bank"  # the payer's bank
    BUSY = "busy"  # a bound was reached, nothing was done
    INTERNAL = "internal"  # ours


class Retry(StrEnum):
    """What the caller may do with the same request."""

    NEVER = "never"  # the same request will fail again
    SAME_KEY = "same-key"  # send the same request again, with the same request_id
    ASK = "ask"  # do not repeat: ask settlement.get
    AFTER_FIX = "after-fix"  # somebody must mend something first


class Moved(StrEnum):
    """Whether money moved."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


@frozen(slots=True)
class FaultSpec:
    """One row of the table."""

    code: str
    kind: Kind
    retry: Retry
    moved: Moved
    number: int
    zh: str
    en: str
    do_zh: str
    do_en: str


_R, _A, _S, _C, _M, _H, _B, _I = (
    Kind.REQUEST, Kind.ACCESS, Kind.STATE, Kind.CARD, Kind.CENTRE, Kind.HIS, Kind.BUSY, Kind.INTERNAL,
)  # fmt: skip
_NEVER, _SAME, _ASK, _FIX = Retry.NEVER, Retry.SAME_KEY, Retry.ASK, Retry.AFTER_FIX
_NO, _YES, _UNK = Moved.NO, Moved.YES, Moved.UNKNOWN

# fmt: off
_ROWS = (
    # -- the message itself
    FaultSpec("request.not_json", _R, _NEVER, _NO, -32700, "请求不是合法的 JSON", "the request is not valid JSON", "请检查报文格式", "mend the message"),
    FaultSpec("request.invalid", _R, _NEVER, _NO, -32600, "请求不符合 JSON-RPC 2.0", "the request is not JSON-RPC 2.0", "请检查报文格式", "mend the message"),
    FaultSpec("request.unknown_method", _R, _NEVER, _NO, -32601, "没有这个方法", "there is no such method", "请核对方法名", "check the method's name"),
    FaultSpec("request.bad_params", _R, _NEVER, _NO, -32602, "参数缺失或类型不对", "a parameter is missing, unknown or of the wrong type", "请按接口文档修改参数", "mend the parameter named in detail"),
    FaultSpec("request.too_long", _R, _NEVER, _NO, -32010, "报文超过长度上限", "the message is longer than the limit", "请缩短报文", "send less in one message"),
    FaultSpec("request.too_deep", _R, _NEVER, _NO, -32011, "报文嵌套层数超限", "the message is nested too deeply", "请减少嵌套", "nest less"),
    FaultSpec("request.key_reused", _R, _NEVER, _NO, -32012, "同一 request_id 用于了不同内容", "this request_id was used with another body", "请为新请求使用新的 request_id", "use a new request_id for a new request"),
    FaultSpec("request.too_many", _B, _SAME, _NO, -32013, "同时进行的请求过多", "too many requests in flight", "请稍后用同一 request_id 重发", "send it again later with the same request_id"),
    FaultSpec("request.not_found", _R, _NEVER, _NO, -32014, "没有找到所指的对象", "there is no such object", "请核对编号", "check the number"),
    # -- who may
    FaultSpec("access.no_session", _A, _FIX, _NO, -32020, "请先调用 session.hello", "call session.hello first", "先用令牌建立会话", "open the session with your token"),
    FaultSpec("access.bad_token", _A, _FIX, _NO, -32021, "令牌不对", "the token is wrong", "请向信息科核对令牌", "check the token with hospital IT"),
    FaultSpec("access.role", _A, _NEVER, _NO, -32022, "该角色不能使用此方法", "this role may not use this method", "请使用有权限的账号", "use an account with the right role"),
    FaultSpec("access.not_yours", _A, _NEVER, _NO, -32023, "不是本终端的结算", "this settlement belongs to another terminal", "请在原终端操作", "use the terminal that made it"),
    # -- right message, wrong moment
    FaultSpec("visit.locked", _S, _ASK, _UNK, -32030, "该就诊有一笔结果未明的结算，暂不能收费", "a settlement of this visit has an unknown outcome; the visit is locked for money", "请等待系统查清，勿重复收费", "wait until it is resolved; do not charge again"),
    FaultSpec("visit.not_registered", _S, _NEVER, _NO, -32031, "就诊尚未登记成功", "the visit is not registered", "请先登记", "register the patient first"),
    FaultSpec("settlement.busy", _S, _ASK, _NO, -32032, "该结算正在处理", "this settlement is being worked on", "请查询结算状态", "ask settlement.get"),
    FaultSpec("settlement.quote_expired", _S, _NEVER, _NO, -32033, "预结算已过期", "the quote has expired", "请重新预结算", "quote again"),
    FaultSpec("settlement.quote_changed", _S, _NEVER, _NO, -32034, "应付金额与预结算不一致", "the amounts confirmed are not those quoted", "请核对金额后重新确认", "confirm the amounts of the quote"),
    FaultSpec("settlement.wrong_state", _S, _NEVER, _NO, -32035, "当前状态不能做此操作", "this cannot be done in the settlement's state", "请查询结算状态", "ask settlement.get"),
    FaultSpec("settlement.outcome_unknown", _M, _ASK, _UNK, -32036, "医保中心没有给出明确结果，系统正在查证", "the centre gave no clear answer; the outcome is being established", "请勿重复收费，稍后查询结果", "do not charge again; ask settlement.get later"),
    FaultSpec("settlement.reversed", _M, _NEVER, _NO, -32037, "本次结算已冲正，未扣款", "this settlement was reversed; nothing was charged", "可重新预结算并结算", "quote and settle again"),
    FaultSpec("settlement.manual", _M, _FIX, _UNK, -32038, "结算结果未明，已转人工处理", "the outcome is unknown and has been handed to a person", "请联系信息科或医保办", "call hospital IT or the insurance office"),
    FaultSpec("settlement.cancelled", _S, _NEVER, _NO, -32039, "该结算已撤销", "this settlement was cancelled", "如需收费请重新预结算", "quote again if it is to be charged"),
    FaultSpec("visit.category", _R, _FIX, _NO, -32060, "医疗类别、险种与就诊方式不符，或缺少必要信息", "category, insurance and kind of visit do not fit together, or a fact is missing", "请按 detail 修改后用新的 request_id 重发", "mend what detail names and ask again with a new request_id"),
    FaultSpec("visit.cross_region", _M, _NEVER, _NO, -32061, "参保地不在本地政策允许的异地范围内，未登记", "the person's insured region is not one that this region's rules let be treated here; nothing was registered", "请按自费办理，或由医保办处理", "treat as self-paying, or call the insurance office"),
    FaultSpec("visit.busy", _S, _SAME, _NO, -32062, "该就诊有事务正在办理", "something of this visit is being worked on at the centre", "请稍后用同一 request_id 重发", "send again shortly with the same request_id"),
    FaultSpec("visit.errand_left", Kind.CENTRE, _NEVER, _NO, -32069, "自动撤销就诊登记未成，须人工向中心核实", "a registration that should be taken back may still stand at the centre", "desk.list 的 errands 列出就诊号；请在中心端撤销该登记，系统每天再试", "see errands in desk.list; withdraw that registration at the centre's own screen: it is tried again each day"),
    FaultSpec("visit.order", _S, _FIX, _NO, -32063, "次序不对，须先完成 detail 所指的一步", "out of order: another step comes first", "请先完成 detail 所指的一步", "do first what detail says"),
    FaultSpec("settlement.limit", _S, _NEVER, _NO, -32064, "超出本地政策的限额或期限", "beyond a limit of this region's rules", "请查看 detail；确需办理请找医保办", "see detail; call the insurance office"),
    # -- the manual desk
    FaultSpec("desk.stale", _S, _NEVER, _NO, -32040, "所示的处理建议已失效", "the proposal shown is not the one that stands now", "请重新查看后再决定", "look again with desk.show, then decide"),
    FaultSpec("desk.same_person", _A, _NEVER, _NO, -32041, "提出人不能自己复核", "who proposed may not approve", "请由另一人复核", "let another person approve"),
    FaultSpec("desk.too_early", _S, _SAME, _NO, -32042, "医保中心可能仍在处理最后一条报文，此时的证据不能作准", "the centre may still be working on the last message; evidence of now proves nothing", "请过了中心处理时限再向中心核实", "ask the centre again after its processing limit"),
    FaultSpec("desk.not_fitting", _S, _NEVER, _NO, -32043, "该结论不适用于这笔结算", "this decision does not fit the settlement", "请按 detail 修改结论", "mend the decision as detail says"),
    # -- a terminal's batch
    FaultSpec("shift.empty", _S, _NEVER, _NO, -32048, "本终端上次结批后没有新的记录，未结批", "nothing became certain on this terminal since its last batch; nothing was closed", "不必结批；确需空批请用 allow_empty", "nothing needs closing; a batch without rows takes allow_empty"),
    # -- personal data
    FaultSpec("person.forgotten", _S, _NEVER, _NO, -32046, "该期间的个人信息已按规定销毁", "the personal data of this period was destroyed by rule", "金额与结算记录仍可查询；人员信息无法恢复", "amounts and settlements can still be asked for; who it was cannot"),
    FaultSpec("keys.refused", _S, _NEVER, _NO, -32047, "该期间的密钥现在不能销毁", "the keys of this period cannot be destroyed now", "请按 detail 处理后重新提出", "see detail, then propose it again"),
    FaultSpec("registry.list_refused", _R, _FIX, _NO, -32049, "名单文件不合规定，整份未采用", "the list is not as it should be; nothing of it was taken", "请按 detail 指明的行修改后整份重传", "mend the line named in detail and send all of it again"),
    FaultSpec("registry.conflicts", _S, _FIX, _NO, -32050, "有旧卡归属冲突待两人裁定", "old media are disputed and wait for two persons", "run.py registry conflicts 列出冲突，由一人提出、另一人复核", "run.py registry conflicts lists them; one person proposes, another approves"),
    FaultSpec("audit.flags", _S, _FIX, _NO, -32051, "有用卡审计标记待查看", "flags of the card audit wait to be looked at", "run.py registry flags 查看并登记处理", "look with run.py registry flags, and say so"),
    # -- card and reader
    FaultSpec("reader.unknown", _C, _NEVER, _NO, -32100, "没有这个读卡器", "there is no such reader", "请核对读卡器名称", "check the reader's name"),
    FaultSpec("reader.service_down", _C, _SAME, _NO, -32101, "读卡服务未运行", "the card service (pcscd) is not running", "请信息科启动 pcscd", "start pcscd"),
    FaultSpec("reader.gone", _C, _SAME, _NO, -32102, "读卡器已断开", "the reader was unplugged", "请检查读卡器连线", "check the reader's cable"),
    FaultSpec("reader.busy", _C, _SAME, _NO, -32103, "读卡器正被占用", "the reader is in use", "请稍后再试", "try again shortly"),
    FaultSpec("reader.shared", _C, _SAME, _NO, -32104, "其他程序占用了卡片", "another program holds the card", "请关闭占用读卡器的程序", "close the other program"),
    FaultSpec("reader.denied", _C, _FIX, _NO, -32105, "没有使用读卡器的权限", "access to the reader is denied", "请信息科检查 pcscd 权限", "check the pcscd access rules"),
    FaultSpec("reader.link", _C, _SAME, _NO, -32180, "与收费电脑读卡代理的连接中断，没有读到任何内容", "the link to the reader agent was lost; nothing was read", "请稍后重新读卡", "read the card again shortly"),
    FaultSpec("reader.agent_away", _C, _SAME, _NO, -32181, "收费电脑上的读卡代理没有连接", "the reader agent of that computer is not connected", "请检查该电脑是否开机、网络是否连通、读卡代理是否运行", "check that the computer is on, its network works and its reader agent runs"),
    FaultSpec("reader.agent_refused", _C, _FIX, _NO, -32182, "读卡代理未被接纳", "the reader agent was not let in", "请信息科核对该电脑的证书与 [remote_readers] 的 agents", "compare its certificate with agents in [remote_readers]"),
    FaultSpec("reader.agent_certificate", _C, _FIX, _NO, -32183, "读卡代理的证书将在 30 天内到期", "a reader agent's certificate ends within 30 days", "请重新签发该电脑的证书（reader-certificates），代理会自动使用", "sign that computer's certificate again (reader-certificates); its agent uses it by itself"),
    FaultSpec("card.absent", _C, _SAME, _NO, -32110, "读卡器中没有卡、证件或码", "there is no card, document or code at the reader", "请插卡、放上证件或扫码", "insert the card, lay the document on or scan the code"),
    FaultSpec("card.withdrawn", _C, _SAME, _NO, -32111, "读卡过程中卡被拔出", "the card was withdrawn while being read", "请重新插卡，读完再取", "insert it again and leave it in"),
    FaultSpec("card.mute", _C, _SAME, _NO, -32112, "卡片没有应答", "the card does not answer", "请重新插卡；仍不行请换卡", "insert it again; else use another card"),
    FaultSpec("card.unsupported", _C, _NEVER, _NO, -32113, "不是社会保障卡", "this is not a social-security card", "请使用社会保障卡", "use a social-security card"),
    FaultSpec("card.needs_authentication", _C, _NEVER, _NO, -32114, "卡须先做外部认证（第三代社保卡、居民健康卡）", "the card needs authentication first (third generation, health card)", "请使用 PSAM 或加密机读卡", "read it with a PSAM or HSM"),
    FaultSpec("card.status_word", _C, _NEVER, _NO, -32115, "卡片返回错误状态", "the card answered with an error status", "请重新插卡；仍不行请换卡", "insert it again; else use another card"),
    FaultSpec("card.malformed", _C, _NEVER, _NO, -32116, "卡内数据不合规范", "the data on the card is malformed", "请持卡人到社保经办机构检修", "have the card checked by its issuer"),
    FaultSpec("card.id_number", _C, _NEVER, _NO, -32117, "卡内身份号码校验不通过", "the id number on the card fails its check", "请持卡人到社保经办机构检修", "have the card checked by its issuer"),
    FaultSpec("card.expired", _C, _NEVER, _NO, -32118, "卡片已过有效期", "the card has expired", "请换领新卡", "get a new card"),
    FaultSpec("card.not_yet_valid", _C, _NEVER, _NO, -32119, "卡片发卡日期在今天之后", "the card's issue date is in the future", "请检查本机日期；否则请持卡人检修", "check this machine's date, else the card"),
    FaultSpec("card.locked", _C, _NEVER, _NO, -32120, "卡片或应用已锁定", "the card or its application is locked", "请持卡人到社保经办机构解锁", "have the card unlocked by its issuer"),
    FaultSpec("card.read_expired", _C, _SAME, _NO, -32121, "读卡记录已过期", "this card read is no longer valid", "请重新读卡", "read the card again"),
    # -- what a card answers instead of data, by its status word
    FaultSpec("card.verification", _C, _FIX, _NO, -32150, "卡片验证未通过", "the card's verification failed", "请核对 PIN、PSAM 或加密机；次数用尽卡片将锁定", "check the PIN, the PSAM or the HSM; the card locks when no try is left"),
    FaultSpec("card.access_denied", _C, _FIX, _NO, -32151, "卡片要求先认证或验证 PIN", "the card wants authentication or the PIN first", "请用 PSAM 或加密机认证，或请持卡人输入 PIN 后再读", "authenticate by a PSAM or an HSM, or have the holder enter the PIN, then read again"),
    FaultSpec("card.not_found", _C, _NEVER, _NO, -32152, "卡内没有所要的数据", "the card does not have what was asked for", "请核对卡的种类和规范版本；办理可改用其他证件", "check which card it is; serve the patient by another document"),
    FaultSpec("card.command_refused", _C, _NEVER, _NO, -32153, "卡片不接受该命令", "the card does not take this command", "请改用其他证件，并将 detail 中的状态字告知信息科", "serve the patient by another document and give hospital IT the status word in detail"),
    FaultSpec("card.broken", _C, _NEVER, _NO, -32154, "卡片内部故障", "the card reports a failure inside", "请重新插卡；仍不行请持卡人换卡", "insert it again; else the holder needs a new card"),
    FaultSpec("card.mac", _C, _NEVER, _NO, -32155, "卡片校验 MAC 不通过", "the card found a MAC wrong", "请停止重试，请信息科核对 PSAM 或加密机", "stop trying; have hospital IT check the PSAM or the HSM"),
    FaultSpec("card.key_unusable", _C, _FIX, _NO, -32156, "所用密钥不能用于此操作", "the key cannot be used for this", "请信息科核对 PSAM 的密钥版本和级别", "have hospital IT check version and level of the PSAM's keys"),
    FaultSpec("card.blocked", _C, _NEVER, _NO, -32157, "卡片应用已永久锁定", "the card's application is locked for good", "请换领新卡", "get a new card"),
    # -- what is no smart card: id-card readers, scanners, stripes, old media, codes on a screen
    FaultSpec("reader.no_answer", _C, _SAME, _NO, -32190, "读卡设备没有应答，或应答有误", "the reader does not answer, or not as it should", "请检查设备电源、连线和所配置的串口", "check its power, its cable and the port configured"),
    FaultSpec("medium.no_layout", _C, _NEVER, _NO, -32191, "刷卡、扫码或输入的内容不符合任何已配置的格式", "what was swiped, scanned or typed fits no configured layout", "请核对卡种；新卡种请信息科在 [[readers]] 中配置格式", "check the kind of card; a new kind needs a layout in [[readers]]"),
    FaultSpec("medium.no_identity", _C, _NEVER, _NO, -32192, "此卡（码）只有号码，尚未关联到本人", "this card or code has only a number, and is linked to nobody", "请使用社会保障卡或身份证，并办理旧卡关联", "use the social-security card or the id card, and have the old one linked"),
    FaultSpec("medium.key", _C, _FIX, _NO, -32193, "卡内扇区打不开：密钥不符", "the card's sector does not open with the configured key", "请确认是本院的卡；再请信息科核对密钥文件", "make sure that it is this hospital's card, then have hospital IT check the key file"),
    FaultSpec("code.not_configured", _C, _FIX, _NO, -32160, "没有配置这种二维码的解码服务", "no service is configured for this kind of code", "请使用卡证，或请信息科配置 [codes]", "use a card, or have hospital IT configure [codes]"),
    FaultSpec("code.unreachable", _C, _SAME, _NO, -32161, "连接不上电子凭证服务，请求未发出", "the code service cannot be reached; nothing was sent", "请检查网络后重扫，或改用卡证", "check the network and scan again, or use a card"),
    FaultSpec("code.no_answer", _C, _SAME, _NO, -32162, "电子凭证服务没有应答，此码可能已失效", "the code service did not answer; the code may be used up", "请持码人刷新二维码后重扫，或改用卡证", "have the code refreshed and scan again, or use a card"),
    FaultSpec("code.refused", _C, _NEVER, _NO, -32163, "电子凭证服务不认此码", "the code service refused this code", "请持码人刷新二维码后重扫；仍不行请改用卡证", "have the code refreshed and scan again; else use a card"),
    FaultSpec("code.malformed", _C, _FIX, _NO, -32164, "电子凭证服务的应答不合规范，未采用", "the code service's reply is not as it should be; nothing of it was used", "请改用卡证，并请信息科联系服务方", "use a card, and have hospital IT call the service's operator"),
    # -- keys, PINs and what owns a card from step to step
    FaultSpec("card.session_gone", _C, _SAME, _NO, -32130, "卡会话已结束（卡被取出、复位、超时或编号不对）", "the card's session is over: taken out, reset, timed out, or not yours", "请重新插卡，从第一步重做", "insert the card again and begin with the first step"),
    FaultSpec("card.key_refused", _C, _NEVER, _NO, -32131, "卡片不接受认证结果", "the card refused the proof of the key", "请勿反复重试，请信息科核对 PSAM 或加密机", "do not try again and again; have the PSAM or HSM checked"),
    FaultSpec("card.not_genuine", _C, _NEVER, _NO, -32132, "卡片内部认证结果与加密机或 PSAM 不符", "what the card computed differs from the HSM's or PSAM's result", "请核对卡片真伪，改用其他证件", "the card may be forged; use another document"),
    FaultSpec("card.other_card", _C, _NEVER, _NO, -32133, "卡片与传入的卡信息不符", "this is not the card that was named", "请核对持卡人和卡片", "check whose card is in the reader"),
    FaultSpec("card.hsm_not_needed", _C, _NEVER, _NO, -32134, "该操作不需要加密机", "no HSM is needed for this", "请直接调用单步接口", "use the plain call"),
    FaultSpec("card.pin_wrong", _C, _FIX, _NO, -32135, "PIN 不对", "the PIN is wrong", "请持卡人重新输入；剩余次数见 tries_left", "let the holder try again; tries_left says how often"),
    FaultSpec("card.pin_blocked", _C, _NEVER, _NO, -32136, "PIN 已锁定", "the PIN is blocked", "请持卡人到社保经办机构解锁或重置 PIN", "have the PIN unblocked or reloaded by the issuer"),
    FaultSpec("card.pin_rule", _C, _FIX, _NO, -32137, "PIN 须为 4 至 16 位数字", "a PIN is 4 to 16 digits", "请重新输入", "enter it again"),
    FaultSpec("card.pins_differ", _C, _FIX, _NO, -32138, "两次输入的新 PIN 不一致", "the two new PINs differ", "请重新输入两次", "enter it twice again"),
    FaultSpec("card.pin_cancelled", _C, _SAME, _NO, -32139, "持卡人取消了 PIN 输入", "the holder cancelled the PIN entry", "需要时请重做", "do it again if it is wanted"),
    FaultSpec("card.pin_timeout", _C, _SAME, _NO, -32140, "PIN 输入超时", "no PIN was entered in time", "请重做", "do it again"),
    FaultSpec("card.no_pin_pad", _C, _FIX, _NO, -32141, "读卡器没有密码键盘", "the reader has no PIN pad", "请在请求中传入 PIN，或换用带键盘的读卡器", "send the PIN with the request, or use a reader with a pad"),
    FaultSpec("psam.absent", _C, _FIX, _NO, -32142, "没有可用的 PSAM", "there is no PSAM to use", "请插入 PSAM 并核对 [card_keys]；或改用加密机两步接口", "insert it and check [card_keys]; or use the two steps with the HSM"),
    FaultSpec("psam.no_algorithm", _C, _NEVER, _NO, -32143, "PSAM 不支持该卡的算法", "the PSAM lacks the card's cipher", "请改用加密机两步接口，或换领 PSAM", "use the two steps with the HSM, or get a newer PSAM"),
    FaultSpec("psam.no_key", _C, _NEVER, _NO, -32144, "PSAM 没有所需的密钥", "the PSAM lacks the key", "请改用加密机两步接口，或换领 PSAM", "use the two steps with the HSM, or get another PSAM"),
    FaultSpec("psam.key_level", _C, _NEVER, _NO, -32145, "PSAM 密钥级别不够", "the PSAM's keys are of too low a level for this card", "请改用加密机两步接口（外地卡），或换领 PSAM", "use the two steps with the HSM (a card from elsewhere), or get another PSAM"),
    FaultSpec("psam.failed", _C, _SAME, _NO, -32146, "PSAM 没有正确应答", "the PSAM did not answer as it should", "请检查 PSAM 是否插好", "check that it is well inserted"),
    FaultSpec("card.debit_not_offered", _C, _NEVER, _NO, -32147, "本系统不做卡内账户扣款", "no account on a card is debited here", "请用 settlement.settle 结算", "settle with settlement.settle"),
    FaultSpec("card.debit_funds", _C, _NEVER, _NO, -32122, "卡内个人账户余额不足，未扣款", "the individual account on the card has less; nothing was debited", "请改用其他方式收费", "charge it another way"),
    FaultSpec("card.debit_refused", _C, _FIX, _NO, -32123, "卡片拒绝扣款，未扣款", "the card refused the debit; nothing was debited", "请按 detail 中的状态字处理，再用新的 request_id 扣款", "do what the status word in detail asks for, then debit with a new request_id"),
    FaultSpec("card.debit_unknown", _C, _ASK, _UNK, -32124, "卡内扣款结果未明", "whether the card was debited is not known", "请勿另行收费；请把同一张卡插回，用同一 request_id 重发，由卡内余额和明细查清", "charge nothing else; put the same card in again and send the same request_id: balance and log on the card tell"),
    FaultSpec("card.debit_not_done", _C, _NEVER, _NO, -32125, "已查清：该笔未扣款", "it is established that this debit was not done", "需要时用新的 request_id 重新扣款", "debit again with a new request_id if need be"),
    FaultSpec("card.debit_found", _C, _FIX, _NO, -32126, "该卡上一笔未明的扣款现已查清为已扣，本次未扣款", "an earlier debit of this card has just been found done; nothing was debited now", "请先核对上一笔；确需再扣请重发本次请求", "look at the earlier one first; send this request again if it is to be debited as well"),
    FaultSpec("card.debit_open", _C, _FIX, _UNK, -32127, "有卡内扣款结果未明", "debits on cards whose outcome is unknown", "请把该卡插回查清；不能时用 run.py debit 由两人裁定", "put the card in again; where that cannot be, two persons decide by run.py debit"),
    FaultSpec("card.proof_rule", _R, _FIX, _NO, -32149, "加密机返回的认证数据不合规定", "the authentication data (pKey) are malformed", "请把加密机的结果原样传入", "pass on what the HSM gave, as it is"),
    FaultSpec("reader.no_sessions", _C, _NEVER, _NO, -32148, "此类读卡器不能保持卡会话", "readers of this kind cannot keep a card between steps", "请使用 PC/SC 读卡器", "use a PC/SC reader"),
    # -- registers: which cards, issuers and PSAMs, and whose old media
    FaultSpec("card.lost", _C, _NEVER, _NO, -32170, "该卡已挂失，不能使用", "this card was reported lost", "请核对持卡人身份，改用其他证件；持卡人可到社保经办机构解挂或补卡", "check who holds it and use another document; its holder can have it released or replaced by the issuer"),
    FaultSpec("card.blacklisted", _C, _NEVER, _NO, -32171, "该卡在黑名单中，不能使用", "this card is blacklisted", "请联系医保办核实，勿收取该卡", "call the insurance office; do not accept the card"),
    FaultSpec("card.issuer_unknown", _C, _NEVER, _NO, -32172, "发卡机构或其卡规范不在登记册中", "the card's issuer, or its cards of this specification, are not in the register", "请改用其他证件；确为有效发卡机构时由两人登记（registry.propose）", "use another document; a true issuer is registered by two persons (registry.propose)"),
    FaultSpec("psam.lost", _C, _NEVER, _NO, -32173, "该 PSAM 已挂失，拒绝使用并已上报", "this PSAM was reported lost; it is refused and the bureau is told", "请立即取下并联系信息科", "take it out at once and call hospital IT"),
    FaultSpec("psam.not_in_use", _C, _NEVER, _NO, -32174, "该 PSAM 已停用或过期", "this PSAM is withdrawn or past its date", "请更换 PSAM 并登记", "use another PSAM and register it"),
    FaultSpec("psam.unknown", _C, _FIX, _NO, -32175, "该 PSAM 不在登记册中", "this PSAM is not in the register", "请由两人登记后使用（registry.propose）", "have two persons register it (registry.propose)"),
    FaultSpec("link.disputed", _C, _FIX, _NO, -32176, "该卡号的归属有冲突，尚未裁定", "whose medium this is is disputed and not decided yet", "请改用社会保障卡或身份证；由两人裁定冲突（registry.conflicts）", "use the social-security card or an id card; two persons decide (registry.conflicts)"),
    FaultSpec("link.moved", _C, _NEVER, _NO, -32177, "该旧卡已并入社会保障卡，不再使用", "this old medium was moved to the social-security card and is good for nothing any more", "请使用社会保障卡", "use the social-security card"),
    # -- what the HIS told: whose charges, and which
    FaultSpec("identity.mismatch", _C, _NEVER, _NO, -32194, "HIS 费用的病人与本次就诊出示卡证的人不是同一人，或无法确认，未上传、未扣款", "the HIS's charges are of somebody else than the holder of the card of this visit, or nobody can tell; nothing was sent", "请核对病人；确为同一人时由 HIS 补全证件号后重发费用，或按明细报价（settlement.quote）", "check who it is; when it is the same person have the HIS send the document number, or quote the lines (settlement.quote)"),
    FaultSpec("charge.none", _R, _FIX, _NO, -32195, "HIS 没有发来该病人可收的费用", "the HIS told of no charges of this patient that are open", "请在 HIS 发送费用后重试", "have the HIS send the charges, then try again"),
    FaultSpec("charge.incomplete", _R, _FIX, _NO, -32196, "HIS 费用明细缺少结算必需的内容", "lines of the HIS lack what a bill needs", "请由 HIS 补全 detail 所列内容重发，或在该连接的 fields 中声明其位置", "have the HIS send what detail names, or declare where it stands in the link's fields"),
    FaultSpec("charge.claimed", _R, _NEVER, _NO, -32197, "有明细已在另一笔结算中，不能再收", "a line is in another settlement and cannot be charged again", "请查询 detail 所列结算（settlement.get）", "ask settlement.get for the settlement in detail"),
    # -- the centre
    FaultSpec("centre.unreachable", _M, _SAME, _NO, -32200, "连接不上医保中心，请求未发出", "the centre cannot be reached; nothing was sent", "请检查专线后用同一 request_id 重发", "check the line, then send again with the same request_id"),
    FaultSpec("centre.no_answer", _M, _SAME, _NO, -32201, "医保中心没有应答（未涉及扣款）", "the centre did not answer (no money is involved)", "请用同一 request_id 重发", "send again with the same request_id"),
    FaultSpec("centre.refused", _M, _NEVER, _NO, -32202, "医保中心拒绝了该业务", "the centre refused", "请查看中心返回的原因", "see the centre's reason in detail"),
    FaultSpec("centre.field", _R, _NEVER, _NO, -32203, "有字段不符合中心接口规定，未发送", "a field breaks the centre's rules; nothing was sent", "请修改 detail 所指字段", "mend the field named in detail"),
    FaultSpec("centre.identity_broken", _M, _NEVER, _NO, -32204, "中心返回的金额不平，已停止", "the centre's amounts do not add up; stopped before money moved", "请联系医保中心", "call the centre"),
    FaultSpec("centre.person_differs", _M, _NEVER, _NO, -32205, "中心返回的人员与卡不一致", "the centre's person is not the card's holder", "请核对持卡人身份", "check the card holder's identity"),
    FaultSpec("centre.not_insured", _M, _NEVER, _NO, -32206, "没有可用的参保信息", "the person has no usable insurance", "请按自费办理或联系参保地", "treat as self-paying or call the insurer"),
    FaultSpec("centre.busy", _B, _SAME, _NO, -32207, "发往医保中心的请求已排满", "too many calls to the centre are waiting", "请稍后用同一 request_id 重发", "send again later with the same request_id"),
    FaultSpec("centre.sign_in", _M, _SAME, _NO, -32208, "医保中心要求重新签到，未受理", "the centre wants a new sign-in; nothing was done", "请用同一 request_id 重发", "send again with the same request_id"),
    # -- reconciliation's files: refused whole, nothing of them is applied
    FaultSpec("statement.zip", _M, _FIX, _NO, -32230, "对账文件不是完整的 ZIP，已整份拒收", "the reconciliation file is no whole ZIP; refused whole", "请重新下载；仍不行请联系医保中心", "fetch it again; else call the centre"),
    FaultSpec("statement.members", _M, _FIX, _NO, -32231, "对账 ZIP 内应只有一个未加密的普通文件，已整份拒收", "the ZIP must hold one plain file, not encrypted and without a path; refused whole", "请联系医保中心", "call the centre"),
    FaultSpec("statement.too_big", _M, _FIX, _NO, -32232, "对账文件过大或压缩比异常，已整份拒收", "the reconciliation file is too large, or shrinks as only a ZIP bomb does; refused whole", "请联系医保中心", "call the centre"),
    FaultSpec("statement.too_many", _M, _FIX, _NO, -32233, "对账文件行数超限，已整份拒收", "the reconciliation file has too many rows; refused whole", "请缩短对账期间", "compare a shorter period"),
    FaultSpec("statement.encoding", _M, _FIX, _NO, -32234, "对账文件的字符编码与约定不符，已整份拒收", "the reconciliation file is not in the agreed encoding; refused whole", "请核对地区参数 statement.encoding", "check statement.encoding of the region's profile"),
    FaultSpec("statement.columns", _M, _FIX, _NO, -32235, "对账文件的列与约定不符，已整份拒收", "the columns are not those agreed; refused whole", "请核对地区参数中的列", "check the columns of the region's profile"),
    FaultSpec("statement.cell", _M, _FIX, _NO, -32236, "对账文件有一格不合规定，已整份拒收", "a cell of the reconciliation file breaks its rule; refused whole", "请按 detail 所指行列与医保中心核对", "show the centre the line and column named in detail"),
    FaultSpec("statement.verdict", _M, _FIX, _NO, -32237, "对账结果代码未知，已整份拒收", "a verdict of the reconciliation file is unknown; refused whole", "请核对地区参数 statement.verdicts", "check statement.verdicts of the region's profile"),
    FaultSpec("statement.foreign", _M, _FIX, _NO, -32238, "对账文件含有其他机构的记录，已整份拒收", "the reconciliation file holds a row of another institution; refused whole", "请立即联系医保中心", "call the centre at once"),
    FaultSpec("statement.duplicate", _M, _FIX, _NO, -32239, "对账文件有重复记录，已整份拒收", "the reconciliation file holds a row twice; refused whole", "请按 detail 所指行与医保中心核对", "show the centre the line named in detail"),
    FaultSpec("reconcile.incomplete", _M, _SAME, _NO, -32245, "中心的对账结果与所送明细对不上，已整份拒收，未做任何处理", "the centre's result does not answer the rows that were sent; refused whole, nothing was applied", "请重新对账；仍不行请联系医保中心", "reconcile again; else call the centre"),
    FaultSpec("reconcile.running", _S, _SAME, _NO, -32246, "正在对账", "a comparison with the centre is running", "请等待其结束", "wait until it has ended"),
    FaultSpec("reconcile.too_early", _S, _SAME, _NO, -32247, "该日尚未结束，不能对账", "that day is not over yet", "请在次日对账", "reconcile it on the next day"),
    FaultSpec("reconcile.open", _M, _FIX, _UNK, -32248, "有结算日与医保中心对账不平", "a settlement day does not balance with the centre", "请用 reconcile.list 逐笔核对，按运维手册处理", "look at reconcile.list and do what the operations page says for each class"),
    FaultSpec("reconcile.overdue", _M, _SAME, _NO, -32249, "有结算日逾期未对账", "a settlement day has not been compared in time", "请检查中心连接后运行 reconcile", "check the line to the centre, then run reconcile"),
    # -- queries and filings at the centre, and its channels
    FaultSpec("centre.not_offered", _M, _FIX, _NO, -32325, "本地区未开通该项中心业务，未发送", "this region's centre does not offer that; nothing was sent", "请信息科在地区文件 services 中登记后重试", "hospital IT adds it to services in the region's file"),
    FaultSpec("filing.unknown", _M, _SAME, _NO, -32326, "备案结果不明，不会重复备案", "the outcome of the filing is unknown; it is not made twice", "请用同一 request_id 重发以查证，或由操作员核实", "send it again with the same request_id to establish it, or let an operator do so"),
    FaultSpec("filing.already", _S, _NEVER, _NO, -32327, "该备案已存在或正在办理", "there is such a filing already, or one is under way", "请先查询备案", "ask for the filings first"),
    FaultSpec("filing.no_number", _S, _FIX, _NO, -32328, "不知道中心的备案编号，不能撤销", "the centre's number of the filing is not known: it cannot be taken back", "请操作员用 run.py filing resolve 补录编号", "an operator gives the number by run.py filing resolve"),
    FaultSpec("filing.open", _S, _FIX, _NO, -32329, "有结果不明的备案", "there are filings whose outcome is unknown", "请用 run.py filing list 查看并核实", "see them with run.py filing list and establish what is true"),
    FaultSpec("centre.password", _R, _FIX, _NO, -32334, "本地区结算须由参保人输入密码，未发送", "this region wants the person's password with the settlement; nothing was sent", "请在密码键盘输入后重新确认结算", "let the person type it, and confirm the settlement again"),
    FaultSpec("code.clock", _C, _FIX, _NO, -32330, "码服务的时间与本机相差过大，未采用其应答", "the code service's time is too far from ours; its answer was not used", "请校准本机时间", "set this machine's clock right"),
    FaultSpec("code.replayed", _C, _NEVER, _NO, -32331, "码服务的应答是重复的旧应答，未采用", "the code service's answer is an old one sent again; it was not used", "请重新出示电子凭证，并报告信息科", "show a fresh code, and tell hospital IT"),
    FaultSpec("code.not_genuine", _C, _NEVER, _NO, -32332, "码服务应答的签名不对，未采用", "the signature of the code service's answer is wrong; it was not used", "请报告信息科核对密钥", "tell hospital IT to check the keys"),
    FaultSpec("code.undecipherable", _C, _NEVER, _NO, -32333, "码服务的应答不能解密，未采用", "the code service's answer cannot be deciphered; it was not used", "请信息科核对 appId 和密钥", "hospital IT checks appId and secret"),
    # -- the HIS
    FaultSpec("his.no_answer", _H, _SAME, _NO, -32300, "医院信息系统没有应答，系统会继续投递", "the HIS did not answer; delivery goes on", "请检查 HIS 接口", "check the HIS interface"),
    FaultSpec("his.refused", _H, _FIX, _NO, -32301, "医院信息系统拒绝了报文", "the HIS refused the message", "请查看 HIS 返回的原因", "see the reason the HIS gave"),
    FaultSpec("his.unreachable", _H, _SAME, _NO, -32302, "连接不上医院信息系统", "the HIS cannot be reached", "请检查 HIS 接口", "check the HIS interface"),
    FaultSpec("his.message", _I, _FIX, _NO, -32303, "给 HIS 的报文未通过校验，未发送", "the message for the HIS failed validation; not sent", "请联系厂商", "call the vendor"),
    # -- paying by phone
    FaultSpec("mobile.not_offered", _S, _NEVER, _NO, -32319, "本机或本地区未开通移动支付，或该类就诊不支持", "payment by phone is not offered here, or not for this kind of visit", "请在窗口结算；需要时信息科配置 [mobile]", "settle at the window; hospital IT configures [mobile]"),
    FaultSpec("mobile.voucher", _R, _FIX, _NO, -32320, "缺少医保电子凭证令牌", "the token of an insurance e-voucher is missing", "请病人出示医保电子凭证（6101），再用新的 request_id 重发", "have the person show the e-voucher (6101), then ask again with a new request_id"),
    FaultSpec("mobile.waiting", _S, _ASK, _UNK, -32321, "移动支付订单等待病人在手机上付款，不能在窗口结算", "an order waits for the person to pay by phone; it cannot be settled at the window", "请等待付款或用 mobile.refund 撤回订单，勿重复收费", "wait for the payment or call it off by mobile.refund; do not charge again"),
    FaultSpec("mobile.expired", _M, _NEVER, _NO, -32322, "移动支付订单未按时付清，已作废，未扣款或已退回", "the order was not paid in time; nothing is charged, or it was given back", "可重新预结算并结算", "quote and settle again"),
    FaultSpec("mobile.not_genuine", _A, _NEVER, _NO, -32323, "支付结果通知不是医保移动支付平台所发，未采用", "a notice of payment was not sealed by the channel; not taken", "请核对 [mobile] 的密钥；持续出现请查来源", "compare the keys in [mobile]; if it goes on, look where it comes from"),
    FaultSpec("mobile.unknown_order", _M, _FIX, _UNK, -32324, "支付结果通知所指的订单不是本院现有订单", "a notice of payment names no order of ours", "请按日终对账核实", "see what the day's comparison with the centre says"),
    FaultSpec("his.no_unmerge", _H, _NEVER, _NO, -32340, "该合并已告知 HIS，接口不能撤销", "the HIS was told of this merge, and it cannot be told to undo it", "请在 HIS 中拆分病人；HIS 支持 A37 时可设 unmerge_event", "part the patients in the HIS itself; if it takes A37, set unmerge_event"),
    FaultSpec("his.several", _H, _FIX, _NO, -32341, "HIS 中有几个可能的病人，未登记", "several patients of the HIS may be this one; nothing was registered", "请用 patient.find_in_his 核对，选定后以 patient_number 重新登记", "look with patient.find_in_his, choose, and register again with patient_number"),
    FaultSpec("his.find_off", _H, _FIX, _NO, -32342, "未设置向 HIS 查询病人", "the HIS is not asked for patients here", "请设置 his.find.event", "set his.find.event"),
    FaultSpec("his.destination", _H, _FIX, _NO, -32310, "有报文在等一个已不在配置中的系统", "messages wait for a destination that is not configured any more", "请用 run.py outbox destinations 查看；恢复该配置，或由两人移交、放弃这些报文", "see run.py outbox destinations; configure it again, or have two persons hand the messages over or give them up"),
    FaultSpec("his.sequence", _H, _FIX, _NO, -32311, "HIS 期待的报文顺序号与本系统不符，该连接已停发", "the HIS expects another sequence number than ours; nothing more is sent to it", "请与 HIS 厂家核对顺序号（run.py outbox destinations），由两人重新同步", "compare the numbers with the HIS's vendor (run.py outbox destinations), then have two persons resynchronise"),
    FaultSpec("letter.field", _R, _NEVER, _NO, -32312, "该字段不能在报文中更正", "this field cannot be corrected in the message", "请看 detail；金额、数量、日期和中心编号一律不可更正", "see detail; amounts, quantities, dates and the centre's numbers are never corrected"),
    # -- what the HIS sends us by HL7
    FaultSpec("hl7.not_hl7", _H, _NEVER, _NO, -32350, "不是 HL7 报文，未受理", "this is no HL7 message", "请检查发送方：首段须为 MSH，分隔符须可用", "check the sender: MSH comes first, with usable delimiters"),
    FaultSpec("hl7.unframed", _H, _NEVER, _NO, -32351, "收到的字节不成 MLLP 报文，已留存", "bytes that are no whole MLLP block; they are kept", "请用 inbox show 查看，检查发送方的起止符", "look at them with inbox show, and check the sender's start and end characters"),
    FaultSpec("hl7.too_long", _H, _NEVER, _NO, -32352, "HL7 报文超过长度上限，未受理", "the HL7 message is longer than the limit", "请缩短报文，或调大 max_bytes", "send less, or raise max_bytes"),
    FaultSpec("hl7.control_character", _H, _NEVER, _NO, -32353, "HL7 报文内含未转义的结束符，未受理", "an end character stands unescaped inside the message", "请发送方转义控制字符", "the sender must escape control characters"),
    FaultSpec("hl7.control_id", _H, _NEVER, _NO, -32354, "报文控制号 MSH-10 缺失或不可用，未受理", "MSH-10 is missing or cannot be used", "MSH-10 须为 1 至 199 个 ASCII 字符，逐条不同", "MSH-10 has 1 to 199 ASCII characters, and no two messages share one"),
    FaultSpec("hl7.reused", _H, _NEVER, _NO, -32355, "报文控制号 MSH-10 已用于另一份报文，未受理", "MSH-10 was used with another message", "新报文请用新的 MSH-10；重发须逐字节相同", "give a new message a new MSH-10; a repeat has the same bytes"),
    FaultSpec("hl7.charset", _H, _FIX, _NO, -32356, "报文内容与声明的字符集不符，未受理，已留存", "the message is not in the charset it declares; it is kept", "请核对 MSH-18 或该连接的 charset", "check MSH-18, or the link's charset"),
    FaultSpec("hl7.charset_name", _H, _FIX, _NO, -32357, "MSH-18 的字符集名称不认识，未受理，已留存", "MSH-18 names a charset that is not known here; the message is kept", "请用 GB 18030-2000 或 UNICODE UTF-8", "use GB 18030-2000 or UNICODE UTF-8"),
    FaultSpec("hl7.message_type", _H, _FIX, _NO, -32358, "MSH-9 的报文类型不在受理之列，已留存", "the message type in MSH-9 is not taken here; the message is kept", "请核对 MSH-9；站点自有类型须列入该连接的 types", "check MSH-9; a site's own type must stand in the link's types"),
    FaultSpec("hl7.event", _H, _FIX, _NO, -32359, "MSH-9 的触发事件不在受理之列，已留存", "the event in MSH-9 is not taken here; the message is kept", "请核对 MSH-9；站点自有事件须列入该连接的 types", "check MSH-9; a site's own event must stand in the link's types"),
    FaultSpec("hl7.version", _H, _FIX, _NO, -32360, "MSH-12 的 HL7 版本不认识，未受理，已留存", "the HL7 version in MSH-12 is not known; the message is kept", "请用 2.1 至 2.9", "use 2.1 to 2.9"),
    FaultSpec("hl7.stray_ack", _H, _NEVER, _NO, -32361, "收到的是应答报文，不再应答，已留存", "this is itself an acknowledgement, which nobody acknowledges; it is kept", "请检查发送方的连接方向", "check which way the sender's link goes"),
    FaultSpec("hl7.ack_unknown", _H, _FIX, _NO, -32313, "应答所指的报文不是本系统发出的，未受理，已留存", "the answer names a message that was never sent from here; it is kept", "请核对应答中的 MSA-2", "check MSA-2 of the answer"),
    FaultSpec("hl7.ack_link", _H, _FIX, _NO, -32314, "应答来自不该来的连接，未受理，已留存", "the answer came over a link that is not its destination's; it is kept", "请核对 answers_on 与发送方的连接", "check answers_on, and where the sender connects"),
    FaultSpec("hl7.ack_closed", _H, _FIX, _NO, -32315, "该报文已有不同的结论，此应答未受理，已留存", "that message has another end already; the answer changes nothing and is kept", "请人工核对 HIS 与本系统的记录（inbox list）", "a person must compare the HIS with what is known here (inbox list)"),
    FaultSpec("hl7.crowded", _B, _SAME, _NO, -32362, "HL7 连接的拒收报文过多，暂不再留存", "too much was refused on this HL7 link; no more of it is kept for now", "请检查发送方", "check the sender"),
    FaultSpec("hl7.content", _H, _FIX, _NO, -32363, "报文已受理并留存，但内容读不懂，未据以处理", "the message was taken and is kept, but what it says cannot be acted on", "请看 detail 所指字段（inbox.failed）；改正配置后 inbox.retry，或由 HIS 改正后用新的 MSH-10 重发", "see the field in detail (inbox.failed); inbox.retry after the configuration is mended, or have the HIS send it mended under a new MSH-10"),
    FaultSpec("hl7.failed", _H, _FIX, _NO, -32364, "有已受理的报文未能处理，等待人工", "messages that were taken could not be acted on and wait for a person", "请用 run.py inbox failed 查看", "see run.py inbox failed"),
    FaultSpec("his.master_unknown", _R, _FIX, _NO, -32365, "该科室或医生编码不在 HIS 发来的主数据中，或已停用，未办理", "this code of a department or doctor is not in use in the HIS's registers; nothing was done", "请核对 detail 所指编码（his.masters）；确有其人其科时由 HIS 重发主数据（MFN）", "check the code in detail (his.masters); when it is true have the HIS send its master file again (MFN)"),
    FaultSpec("his.master_differs", _R, _FIX, _NO, -32366, "该科室或医生的名称与 HIS 主数据不一致，未办理", "this name of a department or doctor is not the one in the HIS's registers; nothing was done", "请改用 HIS 的名称，或不填名称（his.masters）", "use the HIS's name, or leave it out (his.masters)"),
    FaultSpec("identity.disputed", _C, _FIX, _NO, -32198, "HIS 报来的合并有矛盾，等待两人裁定", "a merge that the HIS told contradicts what is known; two persons decide", "请用 run.py identity list 查看", "see run.py identity list"),
    # -- the payer's bank
    FaultSpec("payment.no_bank", Kind.BANK, _FIX, _NO, -32500, "本机没有配置银行卡支付", "payment by bank card is not configured here", "请改用现金，或请信息科配置 [bank]", "take cash, or have hospital IT configure [bank]"),
    FaultSpec("payment.refused", Kind.BANK, _NEVER, _NO, -32501, "银行拒绝了付款，未结算，未扣款", "the bank refused the payment; nothing was settled or charged", "请按银行给出的原因换卡或改用现金，用新的 request_id 重新结算", "by the bank's reason, use another card or cash, with a new request_id"),
    FaultSpec("payment.unreachable", Kind.BANK, _SAME, _NO, -32502, "连接不上银行，请求未发出，未扣款", "the bank cannot be reached; nothing was sent, nothing charged", "请稍后用同一 request_id 重发，或改用现金", "send again later with the same request_id, or take cash with a new one"),
    FaultSpec("payment.line_busy", Kind.BUSY, _SAME, _NO, -32503, "发往银行的请求已排满，未扣款", "too many messages to the bank are waiting; nothing was charged", "请稍后用同一 request_id 重发", "send again later with the same request_id"),
    FaultSpec("payment.outcome_unknown", Kind.BANK, _ASK, _UNK, -32504, "银行没有给出明确结果，系统正在查证并撤回", "the bank gave no clear answer; it is being established and undone", "请勿重复收费，稍后查询结果", "do not charge again; ask settlement.get later"),
    FaultSpec("payment.reversed", Kind.BANK, _NEVER, _NO, -32505, "银行预授权已撤回，未结算，未扣款", "the bank's hold was undone; nothing was settled or charged", "可用新的 request_id 重新结算", "settle again with a new request_id"),
    FaultSpec("payment.busy", Kind.BANK, _SAME, _NO, -32506, "这笔结算上一次的银行付款还在处理", "an earlier bank payment of this settlement is still being worked on", "请稍后用同一 request_id 重发", "send again later with the same request_id"),
    FaultSpec("payment.manual", Kind.BANK, _FIX, _UNK, -32507, "银行付款结果未明，已转人工处理", "the outcome of the bank payment is unknown and has been handed to a person", "请联系财务或信息科，与银行核实", "have finance or hospital IT ask the bank"),
    FaultSpec("payment.collect", Kind.BANK, _FIX, _NO, -32508, "医保已结算，银行未扣款，须收取个人现金部分", "settled at the centre, not taken by the bank: the own share is still to be collected", "请向病人收取现金部分，然后在人工处理中登记", "collect the own share, then record it at the manual desk"),
    FaultSpec("payment.field", Kind.REQUEST, _NEVER, _NO, -32509, "给银行的报文有字段不合规定，未发送", "a field of the message to the bank breaks a rule; nothing was sent", "请修改 detail 所指字段", "mend the field named in detail"),
    # -- catalogues and dictionaries
    FaultSpec("catalogue.running", _S, _SAME, _NO, -32304, "目录正在下载，或由另一节点下载", "that catalogue is being downloaded, or another node does it for all", "请用 catalogue.status 查看进度，或向 detail 所说的节点提出", "ask catalogue.status how far it is, or ask the other node"),
    FaultSpec("catalogue.not_offered", _R, _FIX, _NO, -32305, "地区文件没有列出此目录", "the region's profile does not offer this catalogue", "请先向中心确认，再列入 [catalogue] offered", "ask the centre, then list it in [catalogue] offered"),
    FaultSpec("catalogue.file", _M, _SAME, _NO, -32306, "目录文件有误、过大或版本次序不对，整份未采用，原目录照旧", "the catalogue's file is wrong, too large, or its versions go back; it was refused whole, the catalogue is as it was", "稍后会再下载；反复出现请按 detail 与中心核对列的位置、编码和版本", "it is asked for again later; if it stays, compare columns, encoding and versions with the centre by detail"),
    FaultSpec("catalogue.changed", _M, _SAME, _NO, -32307, "目录与中心所称的行数不符，或下载途中变了，未采用", "the rows that came are not those that were announced, or the catalogue changed meanwhile; nothing was taken", "稍后会再下载；反复出现请与中心核对", "it is asked for again later; if it stays, ask the centre"),
    FaultSpec("catalogue.old", _M, _FIX, _NO, -32308, "目录过旧或还没有下载", "a catalogue is old, or was never downloaded", "请用 run.py catalogue status 查看原因", "see run.py catalogue status for the reason"),
    FaultSpec("catalogue.refused_item", _R, _NEVER, _NO, -32309, "账单含中心目录没有或已停用的项目，未报价", "the bill names an item that the centre's catalogue has not, or no more; it was not quoted", "请按 detail 所列明细核对编码，或改为自费", "check the codes of the lines in detail, or have them paid privately"),
    # -- ours
    FaultSpec("system.stopping", _B, _SAME, _NO, -32400, "系统正在停止", "the system is stopping", "请稍后用同一 request_id 重发", "send again later with the same request_id"),
    FaultSpec("system.busy", _B, _SAME, _NO, -32401, "系统繁忙", "the system is busy", "请稍后用同一 request_id 重发", "send again later with the same request_id"),
    FaultSpec("system.journal", _I, _FIX, _NO, -32402, "日志无法写入，已停止收费", "the journal cannot be written; no money is moved", "请立即联系信息科", "call hospital IT at once"),
    FaultSpec("system.clock", _B, _SAME, _NO, -32403, "本秒报文编号已用尽或时钟异常", "message numbers of this second are used up, or the clock is wrong", "请检查本机时间", "check this machine's time"),
    FaultSpec("system.clock_skew", _I, _SAME, _NO, -32410, "本机时间与医保中心相差过大，已停止收费和退费", "this machine's clock and the centre's differ too much; no money is moved", "请信息科校准本机时间，再用同一 request_id 重发", "set this machine's clock right, then send again with the same request_id"),
    FaultSpec("system.node", _B, _SAME, _NO, -32412, "本节点的租约已到期，正在重新加入，业务由其他节点接续", "this node's lease ran out; it joins again, and others go on with its work", "请稍后用同一 request_id 重发", "send again later with the same request_id"),
    FaultSpec("system.internal", _I, _ASK, _UNK, -32603, "内部错误", "internal error", "请联系信息科，勿重复收费", "call hospital IT; do not charge again"),
    FaultSpec("system.config", _I, _FIX, _NO, -32404, "配置有误", "the configuration is wrong", "请按提示修改配置", "mend the configuration as the hints say"),
    FaultSpec("system.chain", _I, _FIX, _NO, -32405, "账本或上报的哈希链已断，程序不会自行修补", "a hash chain of the journal or feed is broken; nothing is repaired by itself", "请保留原文件，运行 verify 核对，再用 restore 从备份恢复", "keep the files, run verify, then restore a backup"),
    FaultSpec("system.in_use", _I, _FIX, _NO, -32406, "数据库正被另一个进程使用", "another process has the database", "请先停止那个进程", "stop that process first"),
    FaultSpec("system.backup", _I, _FIX, _NO, -32407, "备份或恢复被拒绝，原数据未改动", "the backup or restore was refused; nothing was changed", "请按提示处理后重做", "mend what detail names and do it again"),
    FaultSpec("system.anchor", _I, _FIX, _NO, -32408, "锚点不符或没有写成", "an anchor does not fit, or was not written", "请核对锚点文件、密钥与账本", "compare the anchor file, the key and the journal"),
    FaultSpec("system.keys", _I, _FIX, _NO, -32411, "主密钥或数据密钥不可用，个人信息不能读写", "the master key or a data key cannot be used; no personal data is read or written", "请检查 [keys] 配置与主密钥；新装机运行 keys init，旧库运行 keys encrypt", "check [keys] and the master key; a new site runs keys init, an old database keys encrypt"),
    FaultSpec("system.restored", _I, _FIX, _UNK, -32409, "数据库由备份恢复，备份之后的结算尚未核对", "the database was restored; what was settled after the backup is not yet compared", "请与医保中心逐笔核对，然后运行 restore --reconciled", "compare with the centre, then run restore --reconciled"),
)
# fmt: on

FAULTS: dict[str, FaultSpec] = {row.code: row for row in _ROWS}


class Fault(Exception):  # noqa: N818 - the field's own word: a fault, not an error
    """The only exception that crosses a boundary of ours.

    ``detail`` is for programs and logs: names of fields, files, rules, a stranger's code; never a person's data.
    ``foreign`` is a stranger's message; it is journalled and shown as a quotation, never as our own text.
    ``status`` is the status word of a card that stands behind it.
    """

    def __init__(self, code: str, detail: str = "", *, foreign: str = "", status: int | None = None) -> None:
        self.spec = FAULTS[code]
        self.status = status
        self.psam = ""  # serial of the PSAM that was asked, where one was: for the audit
        self.detail = detail
        self.foreign = foreign
        super().__init__(f"{code}: {self.spec.en}" + (f" ({detail})" if detail else ""))

    @property
    def code(self) -> str:
        """The stable code, as "card.absent"."""
        return self.spec.code

    @property
    def tries_left(self) -> int | None:
        """Of a PIN or key that was refused with 63Cx: how often it may still be tried."""
        return self.status & 0x0F if self.status is not None and self.status >> 4 == 0x63C else None  # noqa: PLR2004
