"""Why the centre says no: its own codes and texts. A real centre's differ; nothing of ours may depend on a text."""

from __future__ import annotations

# fmt: off
REFUSALS = {
    "0101": "报文必填字段缺失或取值不合规范",
    "0102": "报文ID重复",
    "0103": "本中心不支持该交易",
    "9011": "未签到，请先签到",
    "9012": "签到编号不存在或已签退",
    "9013": "本业务周期尚未对账，不能签退",
    "9014": "上一业务周期未签退，请先对账签退",
    "1011": "未查询到该人员信息",
    "1012": "姓名与证件号码不符",
    "2011": "人员未参保或已暂停参保",
    "2021": "就诊信息不存在",
    "2041": "明细金额与单价、数量不符",
    "2042": "费用明细流水号重复",
    "2061": "收费批次无未结算明细",
    "2062": "医疗费总额与明细合计不符",
    "2071": "结算金额与预结算不一致",
    "2072": "该批次已结算",
    "2081": "结算信息不存在",
    "2082": "该结算已撤销或已冲正",
    "2611": "原交易不存在",
    "2612": "原交易已冲正",
    "2613": "该交易不允许冲正",
    "2614": "原交易的结果已变更，不能冲正",
    "3202": "对账总额与上传明细不符",
    "3203": "对账结果尚未生成，请稍后下载",
    "3204": "文件查询号不存在或已失效",
    "9103": "上传文件格式不符",
}
# fmt: on


class Refusal(Exception):  # noqa: N818 - the business layer's no
    """Refused by the business layer; ``code`` is the infcode."""

    def __init__(self, code: str, text: str = "") -> None:
        self.code = code
        self.text = text or REFUSALS[code]
        super().__init__(code)
