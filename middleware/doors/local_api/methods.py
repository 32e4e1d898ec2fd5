"""The one table of methods. The dispatcher, the schemas, the reference pages and the tests all read it.

A pharmacy terminal (role pos) may quote, settle, ask status, cancel its own, close and read its shifts, and nothing else.
Reading a card and registering its holder belong to that: without a visit there is nothing to quote.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.domain.order import Role
from middleware.doors.local_api import (
    card_keys,
    catalogue,
    centre,
    debits,
    destinations,
    driver,
    find,
    handlers,
    identity,
    inbox,
    keys,
    letters,
    media,
    mobile,
    params,
    reconciliation,
    registry,
    results,
    results_explain,
    results_registry,
    results_visit,
    shift,
)
from middleware.doors.local_api.handlers import Visit
from middleware.engine.counter import Answer

Handler = Callable[[Visit, Any], Awaitable[Answer]]

HELLO = "session.hello"


@frozen(slots=True)
class Method:
    """One row. ``handler`` is None for session.hello, which the dispatcher answers itself.

    ``deadline_s`` is the time within which the caller has an answer. When it passes, the work goes on and the answer
    is the fault ``late``: for a money method "unknown, ask", for every other "busy, send the same again".
    """

    name: str
    zh: str
    en: str
    roles: frozenset[Role]
    params: type[params.Params]
    result: type[results.Result]
    deadline_s: float
    keyed: bool  # takes request_id, the idempotency key, and gives the same answer for the same key
    moves_money: bool
    handler: Handler | None

    @property
    def late(self) -> str:
        """The fault code when the deadline passes."""
        if not self.moves_money:
            return "system.busy"
        return "card.debit_unknown" if self.name.startswith("driver.") else "settlement.outcome_unknown"

    def read(self, raw: dict[str, Any]) -> Any:
        """Its params struct, or ``request.bad_params`` that names the member and the rule, never a value."""
        try:
            return msgspec.convert(raw, self.params, strict=True)
        except msgspec.ValidationError as exc:
            raise Fault("request.bad_params", _placed(str(exc))) from None

    def check_result(self, answer: Answer) -> None:
        """``msgspec.ValidationError`` when an answer is not of the published shape. For tests of whoever answers."""
        msgspec.convert(answer, self.result, strict=True)


_ALL = frozenset(Role)
_COUNTER = frozenset({Role.HIS, Role.POS})
_WARD = frozenset({Role.HIS})
_DESK = frozenset({Role.OPERATOR})

_ROWS = (
    Method(
        HELLO, "用令牌建立会话；每个连接的第一个请求", "open the session with a token; the first request of a connection",
        _ALL, params.HelloParams, results.HelloResult, 5, keyed=False, moves_money=False, handler=None,
    ),
    Method(
        "reader.list", "列出读卡器及其状态", "the readers and their states",
        _COUNTER | {Role.OPERATOR}, params.NoParams, results.ReaderListResult, 5,
        keyed=False, moves_money=False, handler=handlers.reader_list,
    ),
    Method(
        "reader.watch", "订阅插卡、拔卡通知，直到连接关闭",
        "be told of cards inserted and removed, until the connection closes",
        _COUNTER, params.NoParams, results.ReaderWatchResult, 5,
        keyed=False, moves_money=False, handler=handlers.reader_watch,
    ),
    Method(
        "card.read", "读卡、证、码：社会保障卡、身份证、电子凭证等",
        "read what lies in a reader or was shown to it: card, id card, code",
        _COUNTER, params.CardReadParams, results.CardReadResult, 30,
        keyed=False, moves_money=False, handler=handlers.card_read,
    ),
    Method(
        "card.present", "提交键盘口刷卡器、扫码枪键入的内容，结果同 card.read",
        "hand in what a keyboard wedge typed; answers as card.read",
        _COUNTER, media.CardPresentParams, results.CardReadResult, 30,
        keyed=False, moves_money=False, handler=media.card_present,
    ),
    Method(
        "medium.read", "读旧卡的卡号，供 HIS 自行查找病人", "the number of an old medium, for the HIS's own look-up",
        _WARD, media.MediumReadParams, media.MediumReadResult, 30,
        keyed=False, moves_money=False, handler=media.medium_read,
    ),
    *(
        Method(
            f"card.{one.name}", one.zh, one.en, _COUNTER if one.counter else _WARD, one.params, one.result, 75,
            keyed=False, moves_money=False, handler=one.handler,
        )
        for one in card_keys.STEPS
    ),
    Method(
        "patient.register", "用刚读的卡在医保中心和 HIS 登记就诊", "register the card's holder with the centre and the HIS",
        _COUNTER, params.RegisterParams, results.RegisterResult, 180,
        keyed=True, moves_money=False, handler=handlers.patient_register,
    ),
    Method(
        "inpatient.admit", "用刚读的卡办理入院（2401）", "admit the card's holder: a stay begins (2401)",
        _WARD, params.AdmitParams, results.RegisterResult, 180,
        keyed=True, moves_money=False, handler=handlers.inpatient_admit,
    ),
    Method(
        "inpatient.charge", "上传住院费用明细，可多次（2301）", "charge lines to the stay, as often as needed (2301)",
        _WARD, params.ChargeParams, results_visit.ErrandResult, 180,
        keyed=True, moves_money=False, handler=handlers.inpatient_charge,
    ),
    Method(
        "inpatient.charge_from_his", "按 HIS 经 HL7 发来的费用上传住院明细，每次至多 500 条，每条只收一次（2301）",
        "charge the lines that the HIS sent over HL7 to the stay, at most 500 at a time, each line once (2301)",
        _WARD, identity.ChargeFromHisParams, results_visit.ErrandResult, 180,
        keyed=True, moves_money=False, handler=identity.inpatient_charge_from_his,
    ),
    Method(
        "inpatient.withdraw_charges", "撤销全部未结算的住院费用（2302）", "take back all unsettled charges (2302)",
        _WARD, params.VisitParams, results_visit.ErrandResult, 180,
        keyed=True, moves_money=False, handler=handlers.inpatient_withdraw_charges,
    ),
    Method(
        "inpatient.discharge", "办理出院（2402）", "end the stay (2402)",
        _WARD, params.DischargeParams, results_visit.ErrandResult, 180,
        keyed=True, moves_money=False, handler=handlers.inpatient_discharge,
    ),
    Method(
        "inpatient.undo_discharge", "撤销出院，继续住院（2405）", "take the discharge back: the stay goes on (2405)",
        _WARD, params.VisitParams, results_visit.ErrandResult, 180,
        keyed=True, moves_money=False, handler=handlers.inpatient_undo_discharge,
    ),
    Method(
        "inpatient.change", "变更入院信息：科室、床位、医生、诊断（2403）",
        "ward, bed, doctor or diagnoses are others now (2403)",
        _WARD, params.ChangeParams, results_visit.ErrandResult, 180,
        keyed=True, moves_money=False, handler=handlers.inpatient_change,
    ),
    Method(
        "visit.withdraw", "撤销挂号或入院登记（2202、2404）", "take a registration or an admission back (2202, 2404)",
        _WARD, params.VisitParams, results_visit.ErrandResult, 180,
        keyed=True, moves_money=False, handler=handlers.visit_withdraw,
    ),
    Method(
        "visit.get", "查询一次就诊目前的确切情况", "what is known of a visit now",
        _COUNTER | {Role.OPERATOR}, params.VisitGetParams, results_visit.VisitResult, 15,
        keyed=False, moves_money=False, handler=handlers.visit_get,
    ),
    Method(
        "settlement.quote", "上传费用并预结算，不扣款", "upload the bill and ask how it splits; moves no money",
        _COUNTER, params.QuoteParams, results.QuoteResult, 180,
        keyed=True, moves_money=False, handler=handlers.settlement_quote,
    ),
    Method(
        "settlement.quote_from_his", "按 HIS 经 HL7 发来的费用预结算，不扣款；每条明细只进一笔结算",
        "quote the charges that the HIS sent over HL7; each line is in one settlement only; moves no money",
        _WARD, identity.QuoteFromHisParams, results.QuoteResult, 180,
        keyed=True, moves_money=False, handler=identity.settlement_quote_from_his,
    ),
    Method(
        "settlement.settle", "按已确认的预结算结果结算，扣款", "settle exactly what was quoted and confirmed; moves money",
        _COUNTER, params.SettleParams, results.SettleResult, 120,
        keyed=True, moves_money=True, handler=handlers.settlement_settle,
    ),
    Method(
        "settlement.get", "查询一笔结算目前的确切情况", "what is known of a settlement now",
        _COUNTER | {Role.OPERATOR}, params.GetParams, results.GetResult, 15,
        keyed=False, moves_money=False, handler=handlers.settlement_get,
    ),
    Method(
        "settlement.explain", "说明费用由谁支付、自费自付项目及原因、账户余额，并给出可打印的文字",
        "who pays what, the items that are one's own and why, the balance; also as lines to print",
        _COUNTER, params.GetParams, results_explain.ExplainResult, 15,
        keyed=False, moves_money=False, handler=handlers.settlement_explain,
    ),
    Method(
        "settlement.cancel", "撤销一笔已完成的结算，退款", "undo a finished settlement; moves money",
        _COUNTER, params.CancelParams, results.CancelResult, 120,
        keyed=True, moves_money=True, handler=handlers.settlement_cancel,
    ),
    Method(
        "mobile.order", "按已确认的预结算结果开移动支付订单，病人在手机上付款",
        "open an order for exactly what was quoted and confirmed: the patient pays by phone; moves money",
        _COUNTER, mobile.MobileOrderParams, mobile.MobileOrderResult, 120,
        keyed=True, moves_money=True, handler=mobile.mobile_order,
    ),
    Method(
        "mobile.status", "查询移动支付订单目前的确切情况，结果同 settlement.get",
        "what is known of an order now; answers as settlement.get",
        _COUNTER | {Role.OPERATOR}, params.GetParams, results.GetResult, 15,
        keyed=False, moves_money=False, handler=mobile.mobile_status,
    ),
    Method(
        "mobile.refund", "退回已付的移动支付订单，或撤回待付的订单；全额退款",
        "give back an order that was paid, or call one off that waits; whole; moves money",
        _COUNTER, params.CancelParams, results.CancelResult, 120,
        keyed=True, moves_money=True, handler=mobile.mobile_refund,
    ),
    Method(
        "shift.totals", "本终端一个班次的合计", "sums of the caller's own terminal between two times",
        _COUNTER, params.ShiftTotalsParams, results.ShiftTotalsResult, 30,
        keyed=False, moves_money=False, handler=handlers.shift_totals,
    ),
    Method(
        "shift.close", "结批：关闭本终端当前批次，给出笔数和金额",
        "close the open batch of the caller's own terminal: counts and sums",
        _COUNTER, shift.ShiftCloseParams, shift.ShiftBatch, 30,
        keyed=True, moves_money=False, handler=shift.shift_close,
    ),
    Method(
        "shift.get", "再次读取已结的批次及其明细", "a closed batch of the caller's own terminal again, with its rows",
        _COUNTER, shift.ShiftGetParams, shift.ShiftGetResult, 30,
        keyed=False, moves_money=False, handler=shift.shift_get,
    ),
    Method(
        "centre.query", "向医保中心查询：待遇、诊断、结算、明细、累计、备案、在院等（2001、5202-5206、5301-5304）",
        "ask the centre: benefits, diagnoses, settlement, lines, accumulations, filings, stays",
        _WARD | _DESK, centre.CentreQueryParams, centre.CentreQueryResult, 120,
        keyed=False, moves_money=False, handler=centre.centre_query,
    ),
    Method(
        "filing.referral", "转院备案（2501）", "file a referral (2501)",
        _WARD, centre.ReferralParams, centre.FilingResult, 240,
        keyed=True, moves_money=False, handler=centre.filing_referral,
    ),
    Method(
        "filing.disease", "人员慢特病备案（2503）", "file a chronic or special disease (2503)",
        _WARD, centre.DiseaseFilingParams, centre.FilingResult, 240,
        keyed=True, moves_money=False, handler=centre.filing_disease,
    ),
    Method(
        "filing.institution", "人员定点及异地等备案（2505）", "file where a person is treated, also elsewhere (2505)",
        _WARD, centre.InstitutionFilingParams, centre.FilingResult, 240,
        keyed=True, moves_money=False, handler=centre.filing_institution,
    ),
    Method(
        "filing.accident", "意外伤害备案（2507）", "file an accident (2507)",
        _WARD, centre.AccidentParams, centre.FilingResult, 240,
        keyed=True, moves_money=False, handler=centre.filing_accident,
    ),
    Method(
        "filing.withdraw", "撤销备案（2502、2504、2506）", "take a filing back (2502, 2504, 2506)",
        _WARD, centre.FilingWithdrawParams, centre.FilingResult, 240,
        keyed=True, moves_money=False, handler=centre.filing_withdraw,
    ),
    Method(
        "filing.get", "查询一次备案目前的确切情况", "what is known of a filing now",
        _WARD | _DESK, centre.FilingGetParams, centre.FilingResult, 15,
        keyed=False, moves_money=False, handler=centre.filing_get,
    ),
    Method(
        "filing.list", "列出结果不明的备案；可列全部", "filings whose outcome is unknown; or all",
        _WARD | _DESK, centre.FilingListParams, centre.FilingListResult, 15,
        keyed=False, moves_money=False, handler=centre.filing_list,
    ),
    Method(
        "filing.resolve", "登记在中心系统核实的备案结果或编号，记入账本",
        "say what the centre's own screen shows of a filing, or its number; journalled",
        _DESK, centre.FilingResolveParams, centre.FilingResult, 15,
        keyed=False, moves_money=False, handler=centre.filing_resolve,
    ),
    Method(
        "desk.list", "列出结果未明和转人工的结算", "settlements whose outcome is unknown or waits for a person",
        _DESK, params.DeskListParams, results.DeskListResult, 15,
        keyed=False, moves_money=False, handler=handlers.desk_list,
    ),
    Method(
        "desk.show", "一笔结算的全部已知情况：报文、账本记录", "all that is known of one settlement: messages and journal",
        _DESK, params.DeskShowParams, results.DeskShowResult, 15,
        keyed=False, moves_money=False, handler=handlers.desk_show,
    ),
    Method(
        "desk.propose", "提出处理结论及依据，等另一人复核；不停止自动查证",
        "propose what is true, with the evidence, for another person to approve; stops no automatic pursuit",
        _DESK, params.DeskProposeParams, results.DeskRow, 15,
        keyed=False, moves_money=False, handler=handlers.desk_propose,
    ),
    Method(
        "desk.approve", "复核他人提出的处理结论，即时生效", "approve what another person proposed; it takes effect at once",
        _DESK, params.DeskApproveParams, results.DeskRow, 15,
        keyed=False, moves_money=False, handler=handlers.desk_approve,
    ),
    Method(
        "desk.reject", "退回或撤回处理建议", "reject a proposal, or take back one's own",
        _DESK, params.DeskRejectParams, results.DeskRow, 15,
        keyed=False, moves_money=False, handler=handlers.desk_reject,
    ),
    Method(
        "person.find", "按证件号或卡号列出就诊；每次查询都记入账本",
        "a person's visits by id or card number; every look is journalled",
        _DESK, keys.PersonFindParams, keys.PersonFindResult, 15,
        keyed=False, moves_money=False, handler=keys.person_find,
    ),
    Method(
        "keys.list", "列出数据密钥、待复核的销毁、重写进度",
        "the data keys, destructions that wait, how far a rewriting is",
        _DESK, params.NoParams, keys.KeysListResult, 15,
        keyed=False, moves_money=False, handler=keys.keys_list,
    ),
    Method(
        "keys.rotate", "更换数据密钥，可同时更换主密钥、重写旧数据",
        "new data keys; also a new master key, also for old values",
        _DESK, keys.KeysRotateParams, keys.KeysRotateResult, 60,
        keyed=False, moves_money=False, handler=keys.keys_rotate,
    ),
    Method(
        "keys.destroy", "提出销毁一个期间的密钥，等另一人复核",
        "propose to destroy a period's keys, for another person to approve",
        _DESK, keys.KeysDestroyParams, keys.KeyProposal, 15,
        keyed=False, moves_money=False, handler=keys.keys_destroy,
    ),
    Method(
        "keys.approve", "复核销毁：该期间个人信息永久不可读",
        "approve it: the personal data of the period is gone for ever",
        _DESK, keys.KeysDecideParams, keys.KeysApproveResult, 30,
        keyed=False, moves_money=False, handler=keys.keys_approve,
    ),
    Method(
        "keys.reject", "退回或撤回销毁", "reject the destruction, or take one's own back",
        _DESK, keys.KeysDecideParams, keys.KeysRejectResult, 15,
        keyed=False, moves_money=False, handler=keys.keys_reject,
    ),
    Method(
        "reconcile.run", "与医保中心核对一个结算日，立即返回，进度用 reconcile.status 查询",
        "compare a settlement day with the centre; answers at once, ask reconcile.status how far it is",
        _DESK, reconciliation.ReconcileRunParams, reconciliation.ReconcileStatus, 15,
        keyed=False, moves_money=False, handler=reconciliation.reconcile_run,
    ),
    Method(
        "reconcile.status", "对账的进度或结果", "how far a comparison is, or how it ended",
        _DESK, reconciliation.ReconcileStatusParams, reconciliation.ReconcileStatus, 15,
        keyed=False, moves_money=False, handler=reconciliation.reconcile_status,
    ),
    Method(
        "reconcile.list", "一次对账的总额、文件和差异明细", "totals, files and differences of a comparison",
        _DESK, reconciliation.ReconcileListParams, reconciliation.ReconcileListResult, 30,
        keyed=False, moves_money=False, handler=reconciliation.reconcile_list,
    ),
    Method(
        "catalogue.list", "已下载或可下载的中心目录和字典：版本、行数、新旧",
        "the centre's catalogues and dictionaries: version, rows, age",
        _DESK | {Role.HIS}, params.NoParams, catalogue.CatalogueListResult, 15,
        keyed=False, moves_money=False, handler=catalogue.catalogue_list,
    ),
    Method(
        "catalogue.show", "目录中一个编码的各行，或逐页列出", "the rows of one code in a catalogue, or its pages",
        _DESK | {Role.HIS}, catalogue.CatalogueShowParams, catalogue.CatalogueShowResult, 15,
        keyed=False, moves_money=False, handler=catalogue.catalogue_show,
    ),
    Method(
        "catalogue.download", "下载一个目录，立即返回，进度用 catalogue.status 查询",
        "download a catalogue; answers at once, ask catalogue.status how far it is",
        _DESK, catalogue.CatalogueDownloadParams, catalogue.CatalogueLoad, 15,
        keyed=False, moves_money=False, handler=catalogue.catalogue_download,
    ),
    Method(
        "catalogue.status", "目录下载的进度或结果", "how far a download is, or how it ended",
        _DESK, catalogue.CatalogueStatusParams, catalogue.CatalogueLoad, 15,
        keyed=False, moves_money=False, handler=catalogue.catalogue_status,
    ),
    Method(
        "inbox.list", "列出 HL7 门收到而未受理的报文和字节；可列全部",
        "messages and bytes that the HL7 door did not take; or all that came",
        _DESK, inbox.InboxListParams, inbox.InboxListResult, 15,
        keyed=False, moves_money=False, handler=inbox.inbox_list,
    ),
    Method(
        "inbox.show", "原样查看其中一条；每次查看都记入账本", "one of them as it came; every look is journalled",
        _DESK, inbox.InboxShowParams, inbox.InboxShowResult, 15,
        keyed=False, moves_money=False, handler=inbox.inbox_show,
    ),
    Method(
        "destinations.list", "列出各接收系统：待发、被拒、顺序号、待复核的处理",
        "each system that is told: what waits, what was refused, sequence numbers, a proposal that waits",
        _DESK, params.NoParams, destinations.DestinationsResult, 15,
        keyed=False, moves_money=False, handler=destinations.destinations_list,
    ),
    Method(
        "destinations.propose", "提议重新同步顺序号，或处理已撤下系统的待发报文，等另一人复核",
        "propose to resynchronise the numbers, or what becomes of what waits for a removed destination; another approves",
        _DESK, destinations.DestinationsProposeParams, destinations.DestinationsResult, 15,
        keyed=False, moves_money=False, handler=destinations.destinations_propose,
    ),
    Method(
        "destinations.approve", "复核并执行", "approve it, and it is done",
        _DESK, destinations.DestinationsDecideParams, destinations.DestinationsResult, 15,
        keyed=False, moves_money=False, handler=destinations.destinations_approve,
    ),
    Method(
        "destinations.reject", "退回或撤回提议", "reject the proposal, or take it back",
        _DESK, destinations.DestinationsDecideParams, destinations.DestinationsResult, 15,
        keyed=False, moves_money=False, handler=destinations.destinations_reject,
    ),
    Method(
        "letters.list", "列出 HIS 拒收的报文；可列待应答的",
        "messages that the HIS refused; or those that wait for its answer",
        _DESK, letters.LettersListParams, letters.LettersListResult, 15,
        keyed=False, moves_money=False, handler=letters.letters_list,
    ),
    Method(
        "letters.show", "一条发往 HIS 的报文：拒收原因、结算状态、待复核的放弃",
        "a message to the HIS: why it was refused, its settlement, a proposal that waits",
        _DESK, letters.LettersShowParams, letters.LettersShowResult, 15,
        keyed=False, moves_money=False, handler=letters.letters_show,
    ),
    Method(
        "letters.resend", "改正原因后重发，MSH-10 不变；记入账本",
        "send it again once the cause is mended, under the same MSH-10; journalled",
        _DESK, letters.LettersResendParams, letters.LettersShowResult, 15,
        keyed=False, moves_money=False, handler=letters.letters_resend,
    ),
    Method(
        "letters.fix", "更正报文中的字段后重发，用新的 MSH-10；金额、数量、日期不可更正，患者身份须两人",
        "correct fields of the message and send it again, under a new MSH-10; never amounts, quantities, dates; the"
        " patient's identity takes two persons",
        _DESK, letters.LettersFixParams, letters.LettersShowResult, 15,
        keyed=False, moves_money=False, handler=letters.letters_fix,
    ),
    Method(
        "letters.discard", "提议放弃一条报文，等另一人复核",
        "propose to give it up, for another person to approve",
        _DESK, letters.LettersDiscardParams, letters.LettersShowResult, 15,
        keyed=False, moves_money=False, handler=letters.letters_discard,
    ),
    Method(
        "letters.approve", "复核放弃（该报文永不再发）或更正（按更正后的内容发出）",
        "approve it: the HIS will never hear it from us, or hears it corrected",
        _DESK, letters.LettersDecideParams, letters.LettersShowResult, 15,
        keyed=False, moves_money=False, handler=letters.letters_approve,
    ),
    Method(
        "letters.reject", "退回或撤回放弃的提议",
        "reject the proposal, or take one's own back",
        _DESK, letters.LettersDecideParams, letters.LettersShowResult, 15,
        keyed=False, moves_money=False, handler=letters.letters_reject,
    ),
    Method(
        "inbox.failed", "列出已受理但未能处理的 HL7 报文及原因",
        "messages that were taken and could not be acted on, and why",
        _DESK, identity.InboxFailedParams, identity.InboxFailedResult, 15,
        keyed=False, moves_money=False, handler=identity.inbox_failed,
    ),
    Method(
        "inbox.retry", "重新处理其中一条", "have one of them tried again",
        _DESK, identity.InboxRetryParams, identity.InboxRetryResult, 15,
        keyed=False, moves_money=False, handler=identity.inbox_retry,
    ),
    Method(
        "identity.list", "列出身份冲突和 HIS 合并，附支持与反对的依据；查看记入账本",
        "conflicts of identities and merges of the HIS, with what speaks for and against; the look is journalled",
        _DESK, identity.IdentityListParams, identity.IdentityListResult, 15,
        keyed=False, moves_money=False, handler=identity.identity_list,
    ),
    Method(
        "identity.show", "按一个号码查看所知的病人和关联；查看记入账本",
        "what is known by a number: patients and links; the look is journalled",
        _DESK, identity.IdentityShowParams, identity.IdentityShowResult, 15,
        keyed=False, moves_money=False, handler=identity.identity_show,
    ),
    Method(
        "patient.find_in_his", "向 HIS 查询病人：持卡人或病人号；每次查询都记入账本",
        "ask the HIS whom it has: a card's holder, or one of its numbers; every look is journalled",
        _WARD, find.FindInHisParams, find.FindInHisResult, 20,
        keyed=False, moves_money=False, handler=find.patient_find_in_his,
    ),
    Method(
        "identity.merge", "提出两个病人号为同一人，等另一人复核（registry.approve）；按配置通知 HIS（A40）",
        "propose that two patient numbers are one person, for another person to approve; the HIS is told by profile (A40)",
        _DESK, identity.IdentityMergeParams, results_registry.RegistryProposal, 15,
        keyed=False, moves_money=False, handler=identity.identity_merge,
    ),
    Method(
        "identity.resolve", "提出冲突或合并的裁定，等另一人复核（registry.approve）",
        "propose a decision of a conflict or a merge, for another person to approve (registry.approve)",
        _DESK, identity.IdentityResolveParams, results_registry.RegistryProposal, 15,
        keyed=False, moves_money=False, handler=identity.identity_resolve,
    ),
    Method(
        "charge.list", "列出 HIS 发来的费用明细及其所在结算", "lines that the HIS told of, and which settlement took each",
        frozenset({Role.HIS, Role.OPERATOR}), identity.ChargeListParams, identity.ChargeListResult, 15,
        keyed=False, moves_money=False, handler=identity.charge_list,
    ),
    Method(
        "his.masters", "列出 HIS 发来的科室、人员、收费项目（MFN）",
        "departments, staff and charge items as the HIS told them (MFN)",
        frozenset({Role.HIS, Role.OPERATOR}), identity.HisMastersParams, identity.HisMastersResult, 15,
        keyed=False, moves_money=False, handler=identity.his_masters,
    ),
    Method(
        "his.master", "查看一条主数据的全部内容，包括本系统不用的字段",
        "one record of a register with all that the HIS said of it, also what nothing here reads",
        _DESK, identity.HisMasterParams, identity.HisMasterResult, 15,
        keyed=False, moves_money=False, handler=identity.his_master,
    ),
    Method(
        "registry.list", "列出登记册：PSAM、终端、发卡机构", "a register: PSAMs, terminals, issuers",
        _DESK, registry.RegistryListParams, results_registry.RegistryListResult, 15,
        keyed=False, moves_money=False, handler=registry.registry_list,
    ),
    Method(
        "registry.proposals", "列出待复核的登记变更", "changes of registers that wait for a second person",
        _DESK, params.NoParams, results_registry.RegistryProposalsResult, 15,
        keyed=False, moves_money=False, handler=registry.registry_proposals,
    ),
    Method(
        "registry.propose", "提出登记变更、名单启停或冲突裁定，等另一人复核",
        "propose an entry, what becomes of a list, or a decision of a conflict, for another person to approve",
        _DESK, registry.RegistryProposeParams, results_registry.RegistryProposal, 15,
        keyed=False, moves_money=False, handler=registry.registry_propose,
    ),
    Method(
        "registry.approve", "复核他人提出的登记变更，即时生效",
        "approve what another person proposed; it takes effect at once",
        _DESK, registry.RegistryDecideParams, results_registry.RegistryProposal, 15,
        keyed=False, moves_money=False, handler=registry.registry_approve,
    ),
    Method(
        "registry.reject", "退回或撤回登记变更", "reject a proposal, or take back one's own",
        _DESK, registry.RegistryDecideParams, results_registry.RegistryProposal, 15,
        keyed=False, moves_money=False, handler=registry.registry_reject,
    ),
    Method(
        "registry.lists", "列出挂失与黑名单及导入进度", "lists of lost and blacklisted cards, and how far an import is",
        _DESK, params.NoParams, results_registry.CardListsResult, 15,
        keyed=False, moves_money=False, handler=registry.registry_lists,
    ),
    Method(
        "registry.import_begin", "开始导入一份名单", "begin to import a list of cards",
        _DESK, registry.ImportBeginParams, results_registry.CardListFacts, 15,
        keyed=False, moves_money=False, handler=registry.registry_import_begin,
    ),
    Method(
        "registry.import_part", "传送名单的下一段；有一行不合规定则整份不采用",
        "the list's next lines; one line that is not as it should be refuses all of it",
        _DESK, registry.ImportPartParams, results_registry.CardListFacts, 30,
        keyed=False, moves_money=False, handler=registry.registry_import_part,
    ),
    Method(
        "registry.import_end", "名单传完：追加的立即生效，替换的等另一人复核",
        "all of it was sent: what is added counts at once, a replacement waits for another person",
        _DESK, registry.ImportEndParams, results_registry.CardListFacts, 30,
        keyed=False, moves_money=False, handler=registry.registry_import_end,
    ),
    Method(
        "registry.link", "登记旧卡（码）属于何人；有矛盾时列为冲突",
        "whose an old medium is; what contradicts it is listed as a conflict",
        _WARD, registry.RegistryLinkParams, results_registry.RegistryLinkResult, 15,
        keyed=False, moves_money=False, handler=registry.registry_link,
    ),
    Method(
        "registry.conflicts", "列出旧卡归属冲突，每次查看都记入账本",
        "old media that are disputed; every look is journalled",
        _DESK, registry.ConflictsParams, results_registry.ConflictsResult, 15,
        keyed=False, moves_money=False, handler=registry.registry_conflicts,
    ),
    Method(
        "registry.flags", "列出用卡审计标记", "the flags of the card audit",
        _DESK, registry.FlagsParams, results_registry.FlagsResult, 15,
        keyed=False, moves_money=False, handler=registry.registry_flags,
    ),
    Method(
        "registry.flag", "查看标记所涉卡号，查看记入账本", "whose card a flag is about; the look is journalled",
        _DESK, registry.FlagParams, results_registry.FlagResult, 15,
        keyed=False, moves_money=False, handler=registry.registry_flag,
    ),
    Method(
        "registry.flag_seen", "登记标记已查看及处理情况", "say that a flag was looked at, and what came of it",
        _DESK, registry.FlagSeenParams, results_registry.FlagSeenResult, 15,
        keyed=False, moves_money=False, handler=registry.registry_flag_seen,
    ),
    *(
        Method(
            f"driver.{one.name}", one.zh, one.en, _WARD, one.params, driver.DriverResult, driver.DEADLINE_S,
            keyed=one.moves_money, moves_money=one.moves_money, handler=one.handler,
        )
        for one in driver.FUNCTIONS
    ),
    Method(
        "debit.list", "列出结果未明的卡内扣款；可列全部", "debits on cards whose outcome is unknown; or all",
        _DESK, debits.DebitListParams, debits.DebitListResult, 15,
        keyed=False, moves_money=False, handler=debits.debit_list,
    ),
    Method(
        "debit.propose", "对查不清的卡内扣款提出结论，等另一人复核",
        "propose what is true of a debit, for another person to approve",
        _DESK, debits.DebitProposeParams, debits.DebitRow, 15,
        keyed=False, moves_money=False, handler=debits.debit_propose,
    ),
    Method(
        "debit.approve", "复核他人提出的结论，即时生效", "approve what another person proposed; it takes effect at once",
        _DESK, debits.DebitDecideParams, debits.DebitRow, 15,
        keyed=False, moves_money=False, handler=debits.debit_approve,
    ),
    Method(
        "debit.reject", "退回或撤回结论", "reject the proposal, or take back one's own",
        _DESK, debits.DebitDecideParams, debits.DebitRow, 15,
        keyed=False, moves_money=False, handler=debits.debit_reject,
    ),
    Method(
        "system.status", "各部件状态，指明故障部件及处理办法", "how every part is, which is broken and what to do",
        frozenset({Role.HIS, Role.BUREAU, Role.OPERATOR}), params.NoParams, results.StatusResult, 5,
        keyed=False, moves_money=False, handler=handlers.system_status,
    ),
)  # fmt: skip

METHODS: dict[str, Method] = {row.name: row for row in _ROWS}


def methods_of(role: Role) -> list[str]:
    """The names that a role may call, in the table's order."""
    return [row.name for row in _ROWS if role in row.roles]


_END_AS_TOLD = params.END.replace("\\", "\\\\")  # msgspec shows a pattern as Python writes it
_QUOTING = "Invalid enum value"  # of which msgspec shows the value, whatever it is


def _placed(message: str) -> str:
    """Msgspec's "rule - at `$.lines[0].name`" as "params.lines[0].name: rule"."""
    rule, mark, place = message.rpartition(" - at `$")
    if not mark:
        rule, place = message, ""
    shown = _QUOTING if rule.startswith(_QUOTING) else rule.replace(_END_AS_TOLD, "$")
    return f"params{place.rstrip('`')}: {shown}"
