"""The centre's transactions that the counter uses, each declared once; adding a transaction is adding a table.

Read from these tables: the check of what we send, the WSDL, the mapping of amounts, the simulator. Source of names, types,
lengths and code lists: the designated-institution interface V1.1.27 of Hunan (2024-10-14). Where that text contradicts
itself the wider reading stands here, with the reason beside it. On replies ``need`` is advice, never a reason to refuse.
"""

from __future__ import annotations

from adapters.insurance.pieces import (
    AMOUNTS,
    BATCH,
    CANCEL_AMOUNTS,
    CARD,
    CERTNO,
    EXTRA,
    INSUTYPE,
    MDTRT_ID,
    MED_TYPE,
    PSN_CERT_TYPE,
    PSN_NAME,
    PSN_NO,
    PSN_TYPE,
    QUOTED_FOUR,
    SETL_ID,
    SETLDETAIL,
    SETTLED_CLEARING,
    SETTLED_WHO,
)
from adapters.insurance.schema import FieldSpec, Node, Transaction, date, moment, number, text
from adapters.insurance.transactions_catalogue import CATALOGUE_TRANSACTIONS
from adapters.insurance.transactions_filing import FILING_TRANSACTIONS
from adapters.insurance.transactions_query import QUERY_TRANSACTIONS
from adapters.insurance.transactions_statement import STATEMENT_TRANSACTIONS
from adapters.insurance.transactions_stay import STAY_TRANSACTIONS
from adapters.insurance.transactions_visit import VISIT_TRANSACTIONS

# fmt: off
# -- the envelope, common to all ----------------------------------------------------------------------------------------
REQUEST_HEAD: tuple[FieldSpec, ...] = (
    text("infno", 6, "交易编号", "call", need=True),  # documented C4, but 1306A and 100001 exist
    text("msgid", 30, "发送方报文ID", "message_id", need=True),
    text("mdtrtarea_admvs", 6, "就医地医保区划", "region", need=True),
    text("insuplc_admdvs", 6, "参保地医保区划", "insured_region"),
    text("recer_sys_code", 10, "接收方系统代码", "receiver", need=True),
    text("dev_no", 100, "设备编号", "device"),
    text("dev_safe_info", 2000, "设备安全信息"),
    text("cainfo", 1024, "数字签名信息"),
    text("signtype", 10, "签名类型"),
    text("infver", 6, "接口版本号", "interface_version", need=True),
    text("opter_type", 3, "经办人类别", "operator_kind", need=True),
    text("opter", 30, "经办人", "operator", need=True),
    text("opter_name", 50, "经办人姓名", "operator_name", need=True),
    moment("inf_time", "交易时间", "sent_at", need=True),
    text("fixmedins_code", 30, "定点医药机构编号", "institution_code", need=True),  # C12 in the header, C30 elsewhere
    text("fixmedins_name", 200, "定点医药机构名称", "institution_name", need=True),  # C20 in the header, C200 elsewhere
    text("sign_no", 30, "交易签到流水号", "sign_number"),
    # provincial extras, sent only when the region's profile gives them (insurance.md 1.2)
    text("fixmedins_soft_fcty", 100, "定点医药机构软件厂商"),
    text("enc_type", 10, "加密类型"),
    text("serv_code", 64, "服务代码"),
    text("serv_sign", 1024, "服务签名"),
)
ENVELOPE_EXTRAS = frozenset({"fixmedins_soft_fcty", "enc_type", "serv_code", "serv_sign"})

REPLY_HEAD: tuple[FieldSpec, ...] = (
    text("infcode", 10, "交易状态码", "code", need=True),  # a number to some centres, a text to others
    text("inf_refmsgid", 30, "接收方报文ID", "centre_message_id"),
    text("refmsg_time", 17, "接收报文时间"),
    text("respond_time", 17, "响应报文时间"),
    text("err_msg", 200, "错误信息", "message"),
)

# Of centres before 2021 (insurance.md 3): the platform has neither, so numbers and tables are ours.
FINISH_TRANSACTIONS = (
    Transaction("9901", "结算确认（老接口）", "confirm", input=(Node("data", (SETL_ID, MDTRT_ID, PSN_NO)),)),
    Transaction("9902", "结算核对（老接口）", "check", input=(Node("data", (SETL_ID, MDTRT_ID, PSN_NO)),)),
)

# -- the transactions ---------------------------------------------------------------------------------------------------
_ALL = (
    Transaction("9001", "签到", "sign in",
        input=(Node("signIn", (
            text("opter_no", 20, "操作员编号", "operator", need=True),
            text("mac", 20, "签到MAC地址", "terminal_mac", need=True),
            text("ip", 20, "签到IP地址", "terminal_ip", need=True),
        )),),
        output=(Node("signinoutb", (
            text("sign_time", 19, "签到时间", need=True),  # typed as a date, described with a time of day
            text("sign_no", 30, "签到编号", "sign_number", need=True),
        )),),
    ),
    Transaction("1101", "人员信息获取", "person",
        input=(Node("data", (
            *CARD,
            moment("begntime", "开始时间", "at"),
            PSN_CERT_TYPE, CERTNO, PSN_NAME,
        )),),
        output=(
            Node("baseinfo", (
                PSN_NO, PSN_CERT_TYPE, CERTNO, PSN_NAME,
                text("gend", 6, "性别", need=True, codes="gend"),
                text("naty", 3, "民族", codes="naty"),
                date("brdy", "出生日期", personal=True),
                number("age", 4, 1, "年龄", need=True),
                EXTRA,
            )),
            Node("insuinfo", (  # a list in the table, an object in appendix B: a list of one reads the same
                number("balc", 16, 2, "余额", "balance", need=True),
                text("insutype", 6, "险种类型", "kind", need=True, codes="insutype"),
                text("psn_type", 6, "人员类别", "person_type", need=True, codes="psn_type"),
                text("psn_insu_stas", 6, "人员参保状态", "status", codes="psn_insu_stas"),
                date("psn_insu_date", "个人参保日期"),
                date("paus_insu_date", "暂停参保日期", "suspended_on"),
                text("cvlserv_flag", 3, "公务员标志", "civil_servant", need=True, codes="cvlserv_flag"),
                text("insuplc_admdvs", 6, "参保地医保区划", "region", need=True),
                text("emp_name", 200, "单位名称", personal=True),
            ), many=True),
            Node("idetinfo", (
                text("psn_idet_type", 6, "人员身份类别", need=True, codes="psn_idet_type"),
                text("psn_type_lv", 3, "人员类别等级"),
                text("memo", 500, "备注"),
                moment("begntime", "开始时间", need=True),
                moment("endtime", "结束时间"),
            ), many=True),
        ),
    ),
    Transaction("2201", "门诊挂号", "register visit",
        input=(Node("data", (
            PSN_NO, INSUTYPE,
            moment("begntime", "开始时间", "begun_at", need=True),
            *CARD,
            PSN_CERT_TYPE, CERTNO, PSN_TYPE, PSN_NAME,
            text("ipt_otp_no", 30, "住院/门诊号", "outpatient_no", need=True),
            text("atddr_no", 30, "医师编码", "doctor_code"),
            text("dr_name", 50, "医师姓名", "doctor_name"),
            text("dept_code", 30, "科室编码", "department_code", need=True),
            text("dept_name", 100, "科室名称", "department_name", need=True),
            text("caty", 10, "科别", "specialty", need=True),
            EXTRA,
        )),),
        output=(Node("data", (MDTRT_ID, PSN_NO, text("ipt_otp_no", 30, "住院/门诊号", "outpatient_no", need=True), EXTRA)),),
    ),
    Transaction("2203", "门诊就诊信息上传", "upload visit",
        input=(
            Node("mdtrtinfo", (
                MDTRT_ID, PSN_NO, MED_TYPE,
                moment("begntime", "开始时间", "begun_at", need=True),
                text("main_cond_dscr", 1000, "主要病情描述"),
                text("dise_type_code", 30, "病种类型代码"),
                # Marked required, but these name a listed chronic disease: an ordinary outpatient has none, and to send a
                # diagnosis here would claim one.
                text("dise_codg", 30, "病种编码"),
                text("dise_name", 500, "病种名称"),
                text("birctrl_type", 6, "计划生育手术类别", codes="birctrl_type"),
                date("birctrl_matn_date", "计划生育手术或生育日期"),
                EXTRA,
            )),
            Node("diseinfo", (
                text("diag_type", 3, "诊断类别", "diagnosis_kind", need=True, codes="diag_type"),
                number("diag_srt_no", 2, 0, "诊断排序号", "order", need=True),
                text("diag_code", 20, "诊断代码", "code", need=True),
                text("diag_name", 100, "诊断名称", "name", need=True),
                text("diag_dept", 50, "诊断科室", "department_name", need=True),
                text("dise_dor_no", 30, "诊断医生编码", "doctor_code", need=True),
                text("dise_dor_name", 50, "诊断医生姓名", "doctor_name", need=True),
                moment("diag_time", "诊断时间", "begun_at", need=True),
                text("vali_flag", 3, "有效标志", need=True, codes="vali_flag"),
            ), many=True),
        ),
    ),
    Transaction("2204", "门诊费用明细信息上传", "upload charges",
        input=(Node("feedetail", (
            text("feedetl_sn", 30, "费用明细流水号", "line_id", need=True),  # N30 in, C30 out
            MDTRT_ID, PSN_NO, BATCH,
            text("dise_codg", 30, "病种编码"),
            text("rxno", 30, "处方号", "prescription_no"),
            text("rx_circ_flag", 3, "外购处方标志", need=True),
            moment("fee_ocur_time", "费用发生时间", "charged_at", need=True),
            text("med_list_codg", 50, "医疗目录编码", "catalogue_code", need=True),
            text("medins_list_codg", 150, "医药机构目录编码", "hospital_code", need=True),
            number("det_item_fee_sumamt", 16, 2, "明细项目费用总额", "amount", need=True),
            number("cnt", 16, 4, "数量", "quantity", need=True),
            number("pric", 16, 6, "单价", "unit_price", need=True),
            text("sin_dos_dscr", 200, "单次剂量描述"),
            text("used_frqu_dscr", 200, "使用频次描述"),
            number("prd_days", 4, 2, "周期天数"),
            text("medc_way_dscr", 200, "用药途径描述"),
            text("bilg_dept_codg", 30, "开单科室编码", "department_code", need=True),
            text("bilg_dept_name", 100, "开单科室名称", "department_name", need=True),
            text("bilg_dr_codg", 30, "开单医生编码", "doctor_code", need=True),
            text("bilg_dr_name", 50, "开单医师姓名", "doctor_name", need=True),
            text("acord_dept_codg", 30, "受单科室编码"),
            text("acord_dept_name", 100, "受单科室名称"),
            text("orders_dr_code", 30, "受单医生编码"),
            text("orders_dr_name", 50, "受单医生姓名"),
            text("hosp_appr_flag", 3, "医院审批标志", "approval", need=True, codes="hosp_appr_flag"),
            text("tcmdrug_used_way", 6, "中药使用方式", codes="tcmdrug_used_way"),
            text("etip_flag", 3, "外检标志", codes="etip_flag"),
            text("etip_hosp_code", 30, "外检医院编码"),
            text("dscg_tkdrug_flag", 3, "出院带药标志", codes="dscg_tkdrug_flag"),
            text("matn_fee_flag", 6, "生育费用标志", codes="matn_fee_flag"),
            text("memo", 1000, "备注"),
            text("comb_no", 3, "组套编码"),
            EXTRA,
        ), many=True),),
        output=(Node("result", (
            text("feedetl_sn", 30, "费用明细流水号", "line_id", need=True),
            number("det_item_fee_sumamt", 16, 2, "明细项目费用总额", "amount", need=True),
            number("cnt", 16, 4, "数量", need=True),
            number("pric", 16, 6, "单价", need=True),
            number("pric_uplmt_amt", 16, 6, "定价上限金额", need=True),
            number("selfpay_prop", 5, 4, "自付比例"),
            number("fulamt_ownpay_amt", 16, 2, "全自费金额", "self_paid"),
            number("overlmt_amt", 16, 2, "超限价金额", "over_limit"),
            number("preselfpay_amt", 16, 2, "先行自付金额", "first_self_paid"),
            number("inscp_scp_amt", 16, 2, "符合政策范围金额", "in_scope"),
            text("chrgitm_lv", 3, "收费项目等级", "level", need=True, codes="chrgitm_lv"),
            text("med_chrgitm_type", 6, "医疗收费项目类别", need=True, codes="med_chrgitm_type"),
            text("bas_medn_flag", 3, "基本药物标志", codes="bas_medn_flag"),
            text("hi_nego_drug_flag", 3, "医保谈判药品标志", codes="hi_nego_drug_flag"),
            text("chld_medc_flag", 3, "儿童用药标志", codes="chld_medc_flag"),
            text("list_sp_item_flag", 3, "目录特项标志", codes="list_sp_item_flag"),
            text("lmt_used_flag", 3, "限制使用标志", need=True, codes="lmt_used_flag"),
            text("drt_reim_flag", 3, "直报标志", codes="drt_reim_flag"),
            text("memo", 500, "备注"),
            EXTRA,
        ), many=True),),
    ),
    Transaction("2206", "门诊预结算", "pre-settle",
        input=(Node("data", (
            PSN_NO, *CARD, PSN_CERT_TYPE, CERTNO, PSN_TYPE, PSN_NAME, MED_TYPE,
            number("medfee_sumamt", 16, 2, "医疗费总额", "total", need=True),
            text("psn_setlway", 6, "个人结算方式", need=True, codes="psn_setlway"),
            MDTRT_ID, BATCH,
            text("acct_used_flag", 1, "个人账户使用标志", "use_account", need=True, codes="acct_used_flag"),
            INSUTYPE, EXTRA,
            text("pub_hosp_rfom_flag", 6, "公立医院改革标志"),
        )),),
        # setl_id stands in no table of 2206, yet centres send it, null (insurance.md 1.7)
        output=(Node("setlinfo", (*SETTLED_WHO, text("setl_id", 30, "结算ID"), *AMOUNTS, *SETTLED_CLEARING)), SETLDETAIL),
    ),
    Transaction("2207", "门诊结算", "settle",
        input=(Node("data", (
            PSN_NO, *CARD, PSN_CERT_TYPE, CERTNO, MED_TYPE,
            number("medfee_sumamt", 16, 2, "医疗费总额", "total", need=True),
            text("psn_setlway", 6, "个人结算方式", need=True, codes="psn_setlway"),
            MDTRT_ID, BATCH, INSUTYPE,
            text("acct_used_flag", 1, "个人账户使用标志", "use_account", need=True, codes="acct_used_flag"),
            text("invono", 20, "发票号"),
            *QUOTED_FOUR, EXTRA,
            text("pub_hosp_rfom_flag", 6, "公立医院改革标志"),
        )),),
        output=(Node("setlinfo", (*SETTLED_WHO, SETL_ID, *AMOUNTS, *SETTLED_CLEARING)), SETLDETAIL),
    ),
    Transaction("2208", "门诊结算撤销", "cancel",
        input=(Node("data", (SETL_ID, MDTRT_ID, PSN_NO, EXTRA)),),
        output=(Node("setlinfo", (*SETTLED_WHO, SETL_ID, *CANCEL_AMOUNTS, *SETTLED_CLEARING)), SETLDETAIL),
    ),
    Transaction("2601", "冲正交易", "reverse",
        input=(Node("data", (
            PSN_NO,
            text("omsgid", 30, "原发送方报文ID", "original_message_id", need=True),
            text("oinfno", 6, "原交易编号", "original_call", need=True),  # C4, as short as infno and for the same reason
        )),),
    ),
    *FINISH_TRANSACTIONS,
)
# fmt: on

SERVICES = frozenset(one.code for one in (*FILING_TRANSACTIONS, *QUERY_TRANSACTIONS))
"""Queries, filings and changes: sent where the region's profile names them, for not every centre has them all."""

DECLARED: dict[str, Transaction] = {
    transaction.code: transaction
    for transaction in (
        *_ALL,
        *VISIT_TRANSACTIONS,
        *STAY_TRANSACTIONS,
        *STATEMENT_TRANSACTIONS,
        *CATALOGUE_TRANSACTIONS,
        *FILING_TRANSACTIONS,
        *QUERY_TRANSACTIONS,
    )
}
"""All whose tables are known (docs/transactions.md)."""

TRANSACTIONS = DECLARED
"""What the daemon sends: these are in the WSDL."""
