"""One word, one meaning: the trade's Chinese term, ours in English, the centre's field code, and our identifier.

A new name in the domain starts with a row here. ``field`` is "" where the centre has no such field; ``identifier`` is
module.Class.attribute (or module.NAME) below ``middleware.domain``. The field codes themselves stay inside the adapters.
"""

from __future__ import annotations

from attrs import frozen


@frozen(slots=True)
class Term:
    """One row."""

    zh: str
    en: str
    field: str
    identifier: str


# fmt: off
TERMS = (
    # -- who
    Term("人员编号", "person number", "psn_no", "centre.VisitFacts.person_number"),
    Term("证件号码", "id number", "certno", "centre.Holder.id_number"),
    Term("人员姓名", "person name", "psn_name", "centre.Holder.name"),
    Term("社会保障卡卡号", "card number", "mdtrt_cert_no", "centre.Holder.card_number"),
    Term("卡识别码", "card identification code", "card_sn", "centre.Holder.card_id_code"),
    Term("就诊凭证类型", "credential shown", "mdtrt_cert_type", "credential.Credential.shown"),
    Term("人员证件类型", "kind of document", "psn_cert_type", "credential.Credential.document"),
    Term("医保电子凭证令牌", "e-voucher token", "", "credential.Credential.token"),
    Term("旧卡号", "number of an old medium", "", "card.MediumRead.number"),
    Term("性别", "sex", "gend", "centre.Holder.sex"),
    Term("民族", "nation", "naty", "centre.Holder.nation"),
    Term("出生日期", "birth date", "brdy", "centre.Holder.birth_date"),
    Term("联系电话", "phone, as said at the counter", "", "order.Contact.phone"),
    Term("工作单位", "employer", "", "order.Contact.employer"),
    # -- how they are insured
    Term("险种类型", "insurance kind", "insutype", "centre.Insurance.kind"),
    Term("人员类别", "person type", "psn_type", "centre.Insurance.person_type"),
    Term("参保地医保区划", "insured region", "insuplc_admdvs", "centre.Insurance.region"),
    Term("个人账户余额", "account balance", "balc", "centre.Insurance.balance"),
    Term("公务员标志", "civil servant", "cvlserv_flag", "centre.Insurance.civil_servant"),
    Term("人员参保状态", "active insurance", "psn_insu_stas", "centre.Insurance.active"),
    # -- the visit
    Term("就诊编号", "visit", "", "visit.Visit.visit_id"),
    Term("就诊ID", "visit number (the centre's)", "mdtrt_id", "visit.Visit.visit_number"),
    Term("门诊号", "outpatient number", "ipt_otp_no", "centre.RegisterVisit.outpatient_no"),
    Term("患者编号", "patient number (the HIS's)", "", "visit.Visit.patient_number"),
    Term("预约号", "appointment (the hospital's)", "", "order.References.appointment"),
    Term("医嘱号", "order numbers (the hospital's)", "", "order.References.orders"),
    Term("HIS 所知的人", "a person as the HIS was last told", "", "his.HisPatient"),
    Term("合并病人", "merge: two patient numbers are one person", "", "his.MergePatients"),
    Term("就诊账户", "account of a visit", "", "his.ChangeAccount"),
    Term("就诊开始时间", "begun at", "begntime", "centre.RegisterVisit.begun_at"),
    Term("医疗类别", "medical category", "med_type", "centre.VisitFacts.med_type"),
    Term("科室编码", "department code", "dept_code", "centre.RegisterVisit.department_code"),
    Term("科室名称", "department name", "dept_name", "centre.RegisterVisit.department_name"),
    Term("科别", "specialty", "caty", "centre.RegisterVisit.specialty"),
    Term("医师编码", "doctor code", "atddr_no", "centre.RegisterVisit.doctor_code"),
    Term("医师姓名", "doctor name", "dr_name", "centre.RegisterVisit.doctor_name"),
    Term("主数据", "master data (the HIS's departments, staff, charge items)", "", "masters.MasterTold.kind"),
    Term("诊断代码", "diagnosis code", "diag_code", "charge.Diagnosis.code"),
    Term("诊断名称", "diagnosis name", "diag_name", "charge.Diagnosis.name"),
    Term("诊断类别", "diagnosis kind", "diag_type", "charge.Diagnosis.kind"),
    Term("诊断排序号", "diagnosis order", "diag_srt_no", "charge.Diagnosis.order"),
    # -- the bill
    Term("收费批次号", "charge batch", "chrg_bchno", "centre.UploadCharges.batch"),
    Term("费用明细流水号", "line id", "feedetl_sn", "charge.ChargeLine.line_id"),
    Term("医疗目录编码", "catalogue code", "med_list_codg", "charge.ChargeLine.catalogue_code"),
    Term("医药机构目录编码", "hospital code", "medins_list_codg", "charge.ChargeLine.hospital_code"),
    Term("单价", "unit price", "pric", "charge.ChargeLine.unit_price"),
    Term("数量", "quantity", "cnt", "charge.ChargeLine.quantity"),
    Term("明细项目费用总额", "line amount", "det_item_fee_sumamt", "charge.ChargeLine.amount"),
    Term("费用发生时间", "charged at", "fee_ocur_time", "charge.ChargeLine.charged_at"),
    Term("医院审批标志", "hospital approval", "hosp_appr_flag", "charge.ChargeLine.approval"),
    Term("处方号", "prescription number", "rxno", "charge.ChargeLine.prescription_no"),
    Term("收费项目等级", "charge level", "chrgitm_lv", "centre.LineVerdict.level"),
    Term("费用说明项目", "item of a bill that no fund shares wholly", "", "benefit.Item"),
    Term("未由基金分担", "borne by oneself", "", "centre.LineVerdict.borne"),
    # -- how it splits
    Term("医疗费总额", "total", "medfee_sumamt", "split.Split.total"),
    Term("基金支付总额", "fund", "fund_pay_sumamt", "split.Split.fund"),
    Term("个人账户支出", "account", "acct_pay", "split.Split.account"),
    Term("个人现金支出", "cash", "psn_cash_pay", "split.Split.cash"),
    Term("医院负担金额", "hospital part", "hosp_part_amt", "split.Split.hospital"),
    Term("个人负担总金额", "personal part", "psn_part_amt", "split.Split.personal"),
    Term("个人账户共济支付金额", "family account", "acct_mulaid_pay", "split.Split.family_account"),
    Term("全自费金额", "self-paid", "fulamt_ownpay_amt", "split.Split.self_paid"),
    Term("超限价自费费用", "over limit", "overlmt_selfpay", "split.Split.over_limit"),
    Term("先行自付金额", "first self-paid", "preselfpay_amt", "split.Split.first_self_paid"),
    Term("符合政策范围金额", "in scope", "inscp_scp_amt", "split.Split.in_scope"),
    Term("实际支付起付线", "deductible", "act_pay_dedc", "split.Split.deductible"),
    Term("基本医疗保险统筹基金支出", "pool", "hifp_pay", "split.Split.pool"),
    Term("公务员医疗补助资金支出", "civil-servant fund", "cvlserv_pay", "split.Split.civil_servant"),
    Term("企业补充医疗保险基金支出", "supplementary fund", "hifes_pay", "split.Split.supplementary"),
    Term("居民大病保险资金支出", "serious-illness fund", "hifmi_pay", "split.Split.serious_illness"),
    Term("职工大额医疗费用补助基金支出", "large-sum fund", "hifob_pay", "split.Split.large_sum"),
    Term("医疗救助基金支出", "assistance fund", "maf_pay", "split.Split.assistance"),
    Term("伤残人员医疗保障基金支出", "disabled-soldier fund", "hifdm_pay", "split.Split.disabled_soldier"),
    Term("其他支出", "other fund", "oth_pay", "split.Split.other_fund"),
    Term("结算后余额", "balance after", "balc", "split.Split.balance_after"),
    Term("基金支付类型", "fund kind", "fund_pay_type", "split.FundLine.kind"),
    Term("基金支付金额", "fund amount", "fund_payamt", "split.FundLine.amount"),
    Term("个人账户使用标志", "use of the account", "acct_used_flag", "centre.PreSettle.use_account"),
    # -- what is done with it
    Term("签到", "sign-in", "", "centre.SignIn"),
    Term("签到编号", "sign-in number", "sign_no", "centre.SignedIn.sign_number"),
    Term("预结算", "quote", "", "visit.Settlement.quoted"),
    Term("结算", "settlement", "", "visit.Settlement"),
    Term("结算ID", "settlement number (the centre's)", "setl_id", "centre.Settled.settlement_number"),
    Term("结算时间", "settled at", "setl_time", "centre.Settled.settled_at"),
    Term("清算类别", "clearing type", "clr_type", "centre.Settled.clearing_type"),
    Term("清算方式", "clearing way", "clr_way", "centre.Settled.clearing_way"),
    Term("清算经办机构", "clearing agency", "clr_optins", "centre.Settled.clearing_agency"),
    Term("冲正", "reversal: undo one whose outcome is unknown or unwanted", "", "centre.Reverse"),
    Term("原发送方报文ID", "original message id", "omsgid", "centre.Reverse.original_message_id"),
    Term("原交易编号", "original call", "oinfno", "centre.Reverse.original_call"),
    Term("结算撤销", "cancel: undo a finished settlement", "", "centre.CancelSettlement"),
    Term("交易编号", "call", "infno", "centre.Call"),
    Term("发送方报文ID", "message id", "msgid", "command.CallCentre.message_id"),
    # -- kinds of visit
    Term("就诊方式", "kind of visit", "", "kind.VisitKind"),
    Term("医疗类别目录", "list of medical categories", "", "category.CATEGORIES"),
    Term("病种编码", "listed disease", "dise_codg", "charge.Disease.code"),
    Term("病种名称", "listed disease's name", "dise_name", "charge.Disease.name"),
    Term("计划生育手术或生育日期", "day of the birth or operation", "birctrl_matn_date", "order.Maternity.on"),
    Term("计划生育手术类别", "birth-control operation", "birctrl_type", "order.Maternity.operation"),
    Term("入院办理", "admission", "", "centre.Admit"),
    Term("住院号", "stay number", "ipt_no", "order.StayFacts.stay_number"),
    Term("入院床位", "bed", "adm_bed", "order.StayFacts.ward_bed"),
    Term("入院诊断描述", "reason of the admission", "adm_diag_dscr", "order.StayFacts.description"),
    Term("出院办理", "discharge", "", "centre.Discharge"),
    Term("离院方式", "way of leaving", "dscg_way", "order.DischargeOrder.way"),
    Term("就诊事务", "errand: what a visit needs done beside its money", "", "errand.Errand"),
    Term("就诊信息查询", "asking for visits", "", "centre.QueryVisits"),
    Term("在院状态", "in hospital", "inhosp_stas", "centre.FoundVisit.in_hospital"),
    Term("异地就医", "cross-region care", "", "rules.CrossRules"),
    # -- comparing the books
    Term("对总账", "comparing totals", "", "centre.CompareTotals"),
    Term("对明细账", "comparing rows", "", "centre.CompareDetail"),
    Term("结算经办机构", "settlement agency", "setl_optins", "statement.Slice.agency"),
    Term("对账开始日期", "first day compared", "stmt_begndate", "statement.Period.first"),
    Term("对账结束日期", "last day compared", "stmt_enddate", "statement.Period.last"),
    Term("结算笔数", "count of rows", "fixmedins_setl_cnt", "statement.Totals.count"),
    Term("退费结算标志", "refund", "refd_setl_flag", "statement.DetailRow.refund"),
    Term("对账结果", "verdict on a row", "stmt_rslt", "statement.ResultRow.verdict"),
    Term("对账差异", "difference with the centre's books", "", "reconciliation.Difference"),
    Term("差异处理", "resolution of a difference", "", "reconciliation.Resolution"),
    Term("差异依据", "proof: file and line", "", "reconciliation.Proof"),
    Term("待核差异", "finding: a difference that waits", "", "reconciliation.Finding"),
    Term("文件查询号", "file number", "file_qury_no", "centre.FileUploaded.file_number"),
    Term("业务周期号", "business cycle: a sign-in that an old centre compares whole", "", "centre.CompareTotals.cycle"),
    Term("签退", "sign-out", "", "centre.SignOut"),
    Term("结果未明", "outcome unknown", "", "outcome.Unknown"),
    Term("未发出", "not sent", "", "outcome.NotSent"),
    Term("预授权", "hold: the bank keeps the own share ready", "", "payment.BankCall.HOLD"),
    Term("预授权完成", "capture: the bank takes it", "", "payment.BankCall.CAPTURE"),
    Term("预授权撤销", "release: a certain hold is given back", "", "payment.BankCall.RELEASE"),
    Term("个人自付支付方式", "means", "", "payment.Means"),
    Term("系统跟踪号", "trace number (STAN)", "", "payment.Traced.trace"),
    Term("转人工", "manual: two persons decide", "", "visit.SettlementState.MANUAL"),
    Term("处理结论", "decision", "", "decision.Decision"),
    Term("处理建议", "proposal: a decision that waits for a second person", "", "decision.Proposal"),
    Term("依据", "evidence", "", "decision.Evidence"),
    Term("幂等键", "idempotency key", "", "fault.Retry.SAME_KEY"),
    # -- who is told
    Term("接收系统", "destination: a system that is told", "", "destination.Destination"),
    Term("作准", "decides: its yes or no counts", "", "destination.Destination.decides"),
    Term("副本", "copy: its answer moves nothing", "", "destination.Addressed.copy"),
    Term("顺序号", "sequence number (MSH-13, MSA-4)", "", "numbering.Numbers"),
    Term("更正", "correction of a refused message", "", "correction.corrected"),
    # -- a terminal's day
    Term("结批", "closed batch of a terminal", "", "shift.ClosedShift"),
    Term("批次明细", "row of a terminal's batch", "", "shift.ShiftRow"),
)
# fmt: on
