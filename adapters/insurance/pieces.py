"""Fields that several of the centre's tables share."""

from __future__ import annotations

from adapters.insurance.schema import FieldSpec, Node, date, moment, number, text

# fmt: off
PSN_NO = text("psn_no", 30, "人员编号", "person_number", need=True)
MDTRT_ID = text("mdtrt_id", 30, "就诊ID", "visit_number", need=True)
BATCH = text("chrg_bchno", 30, "收费批次号", "batch", need=True)
EXTRA = text("exp_content", 4000, "字段扩展")

CARD: tuple[FieldSpec, ...] = (  # which certificate the person showed
    text("mdtrt_cert_type", 3, "就诊凭证类型", "certificate_kind", need=True, codes="mdtrt_cert_type"),
    text("mdtrt_cert_no", 50, "就诊凭证编号", "card_number", need=True, personal=True),
    text("card_sn", 32, "卡识别码", "card_id_code", personal=True),
)
PSN_CERT_TYPE = text("psn_cert_type", 6, "人员证件类型", need=True, codes="psn_cert_type")  # C3 in some inputs
CERTNO = text("certno", 50, "证件号码", "id_number", need=True, personal=True)  # C50 in 1101, C20 in 2201, 2206 and 2207
PSN_NAME = text("psn_name", 50, "人员姓名", "name", need=True, personal=True)  # C50 and C20 likewise; long names exist
PSN_TYPE = text("psn_type", 6, "人员类别", "person_type", need=True)  # C3 in inputs, yet its list holds six-digit codes
INSUTYPE = text("insutype", 6, "险种类型", "insurance", need=True, codes="insutype")
MED_TYPE = text("med_type", 6, "医疗类别", "med_type", need=True, codes="med_type")

QUOTED_FOUR: tuple[FieldSpec, ...] = (  # 2207 takes back what 2206 said (insurance.md 1.4)
    number("fulamt_ownpay_amt", 16, 2, "全自费金额", "self_paid", need=True),
    number("overlmt_selfpay", 16, 2, "超限价自费费用", "over_limit", need=True),
    number("preselfpay_amt", 16, 2, "先行自付金额", "first_self_paid", need=True),
    number("inscp_scp_amt", 16, 2, "符合政策范围金额", "in_scope", need=True),
)

# Meanings "split.x" are the attributes of domain.split.Split.
AMOUNTS: tuple[FieldSpec, ...] = (
    number("medfee_sumamt", 16, 2, "医疗费总额", "split.total", need=True),
    number("fulamt_ownpay_amt", 16, 2, "全自费金额", "split.self_paid", need=True),
    number("overlmt_selfpay", 16, 2, "超限价自费费用", "split.over_limit", need=True),
    number("preselfpay_amt", 16, 2, "先行自付金额", "split.first_self_paid", need=True),
    number("inscp_scp_amt", 16, 2, "符合政策范围金额", "split.in_scope", need=True),
    number("act_pay_dedc", 16, 2, "实际支付起付线", "split.deductible"),
    number("hifp_pay", 16, 2, "基本医疗保险统筹基金支出", "split.pool", need=True),
    number("pool_prop_selfpay", 5, 4, "基本医疗保险统筹基金支付比例", need=True),
    number("cvlserv_pay", 16, 2, "公务员医疗补助资金支出", "split.civil_servant", need=True),
    number("hifes_pay", 16, 2, "企业补充医疗保险基金支出", "split.supplementary", need=True),
    number("hifmi_pay", 16, 2, "居民大病保险资金支出", "split.serious_illness", need=True),
    number("hifob_pay", 16, 2, "职工大额医疗费用补助基金支出", "split.large_sum", need=True),
    number("maf_pay", 16, 2, "医疗救助基金支出", "split.assistance", need=True),
    number("hifdm_pay", 16, 2, "伤残人员医疗保障基金支出", "split.disabled_soldier", need=True),
    number("oth_pay", 16, 2, "其他支出", "split.other_fund", need=True),
    number("fund_pay_sumamt", 16, 2, "基金支付总额", "split.fund", need=True),
    number("psn_part_amt", 16, 2, "个人负担总金额", "split.personal", need=True),
    number("acct_pay", 16, 2, "个人账户支出", "split.account", need=True),
    number("psn_cash_pay", 16, 2, "个人现金支出", "split.cash", need=True),
    number("hosp_part_amt", 16, 2, "医院负担金额", "split.hospital", need=True),
    number("balc", 16, 2, "余额", "split.balance_after", need=True),
    number("acct_mulaid_pay", 16, 2, "个人账户共济支付金额", "split.family_account", need=True),
)
# A cancel tells the same under other names (insurance.md, fact 6): Hunan's 2208 spells the cash pdn_cash_pay; elsewhere
# psn_pay and ownpay_hosp_part carry what psn_part_amt and hosp_part_amt leave null.
CANCEL_AMOUNTS: tuple[FieldSpec, ...] = (
    *AMOUNTS,
    number("pdn_cash_pay", 16, 2, "个人现金支出", "split.cash"),
    number("psn_pay", 16, 2, "个人支付金额", "split.personal"),
    number("ownpay_hosp_part", 16, 2, "医院负担金额", "split.hospital"),
)
SETTLED_WHO: tuple[FieldSpec, ...] = (
    MDTRT_ID,
    PSN_NO,
    text("psn_name", 50, "人员姓名", personal=True),
    text("psn_cert_type", 6, "人员证件类型", codes="psn_cert_type"),
    text("certno", 50, "证件号码", personal=True),
    text("gend", 6, "性别", codes="gend"),
    text("naty", 3, "民族", codes="naty"),
    date("brdy", "出生日期", personal=True),
    number("age", 4, 1, "年龄"),
    text("insutype", 6, "险种类型", codes="insutype"),
    text("psn_type", 6, "人员类别", codes="psn_type"),
    text("cvlserv_flag", 3, "公务员标志", codes="cvlserv_flag"),
    moment("setl_time", "结算时间", "settled_at", need=True),
    text("mdtrt_cert_type", 3, "就诊凭证类型", codes="mdtrt_cert_type"),
    text("med_type", 6, "医疗类别", codes="med_type"),
)
SETTLED_CLEARING: tuple[FieldSpec, ...] = (
    text("medins_setl_id", 30, "医药机构结算ID", "message_id", need=True),  # our own msgid comes back here
    text("clr_optins", 6, "清算经办机构", "clearing_agency"),
    text("clr_way", 6, "清算方式", "clearing_way", codes="clr_way"),
    text("clr_type", 6, "清算类别", "clearing_type", need=True, codes="clr_type"),
    EXTRA,
)
SETL_ID = text("setl_id", 30, "结算ID", "settlement_number", need=True)
SETLDETAIL = Node("setldetail", (
    text("fund_pay_type", 6, "基金支付类型", "kind", need=True, codes="fund_pay_type"),
    number("inscp_scp_amt", 16, 2, "符合政策范围金额", need=True),
    number("crt_payb_lmt_amt", 16, 2, "本次可支付限额金额", need=True),
    number("fund_payamt", 16, 2, "基金支付金额", "amount", need=True),
    text("fund_pay_type_name", 200, "基金支付类型名称", "name"),
    text("setl_proc_info", 4000, "结算过程信息"),
), many=True)
# fmt: on
