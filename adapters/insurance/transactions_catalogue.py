"""Catalogues and dictionaries, declared as in ``transactions``: 1301 to 1309 by files, 1312, 1317 to 1319 by pages, 1901.

Source: of 1301 the designated-institution interface V1.1.27 of Hunan; of the others that text has no table. They stand here
as published programs of several provinces send and read them, which agree with each other: 1302 to 1309 ask and answer as
1301 does, 1312, 1318 and 1319 have their tables as comments there, and of 1317 the table of its question, so that of its
answer only what the question names is declared.
"""

from __future__ import annotations

from adapters.insurance.schema import FieldSpec, Node, Transaction, date, number, text

# fmt: off
_VERSION = Node("data", (text("ver", 20, "版本号", "version", need=True),))
_OFFER = Node("", (  # no node in the table: the fields stand in output itself
    text("file_qury_no", 40, "文件查询号", "file_number", need=True),
    text("filename", 100, "文件名", "file_name", need=True),
    text("dld_end_time", 20, "下载截止日期", need=True),  # typed as a date, with a time of day where it is given
    number("data_cnt", 16, 0, "数据量", "rows"),
))
_SINCE: tuple[FieldSpec, ...] = (
    date("updt_time", "更新时间", "since", need=True),
    number("page_num", 4, 0, "分页条数", "page", need=True),
    number("page_size", 4, 0, "分页大小", "size", need=True),
)
_PAGE = Node("", tuple(number(name, 10, 0, zh) for name, zh in (
    ("pages", "总页数"), ("pageNum", "当前页数"), ("pageSize", "本页数据量"), ("recordCounts", "总数据量"),
)))
_WHO: tuple[FieldSpec, ...] = (
    text("crter_id", 20, "创建人"),
    text("crter_name", 50, "创建人姓名"),
    text("crte_time", 19, "创建时间"),
    text("crte_optins_no", 20, "创建机构"),
    text("opter_id", 20, "经办人ID"),
    text("opter_name", 50, "经办人姓名"),
    text("opt_time", 19, "经办时间"),
    text("optins_no", 20, "经办机构"),
)
# Dates of a reply are text: some centres write a time of day behind them.
_FROM = text("begndate", 19, "开始日期", "since", need=True)
_TO = text("enddate", 19, "结束日期", "until")
_VALID = text("vali_flag", 3, "有效标志", "valid", need=True)
_RECORD = text("rid", 40, "唯一记录号", "record", need=True)
_UPDATED = text("updt_time", 19, "更新时间", "version", need=True)
_CODE = text("hilist_code", 50, "医保目录编码", "code", need=True)
_PLACE = text("insu_admdvs", 6, "参保所属医保区划", need=True)
_POOL = text("poolarea_no", 6, "统筹区")


def _by_file(code: str, zh: str, en: str) -> Transaction:
    return Transaction(code, zh, en, input=(_VERSION,), output=(_OFFER,))


def _by_page(code: str, zh: str, en: str, asked: tuple[FieldSpec, ...], told: tuple[FieldSpec, ...]) -> Transaction:
    return Transaction(
        code, zh, en,
        input=(Node("data", (date("query_date", "查询时间点"), *asked, _flag(), *_SINCE)),),
        output=(_PAGE, Node("data", told, many=True)),
    )


def _flag() -> FieldSpec:
    return text("vali_flag", 3, "有效标志")


CATALOGUE_TRANSACTIONS = (
    _by_file("1301", "西药中成药目录下载", "western and patent medicine"),
    _by_file("1302", "中药饮片目录下载", "herbal slices"),
    _by_file("1303", "医疗机构制剂目录下载", "medicine made by institutions"),
    _by_file("1305", "医疗服务项目目录下载", "services"),
    _by_file("1306", "医用耗材目录下载", "materials"),
    _by_file("1307", "疾病与诊断目录下载", "diagnoses"),
    _by_file("1308", "手术操作目录下载", "operations"),
    _by_file("1309", "门诊慢特病种目录下载", "chronic and special diseases"),
    _by_page("1312", "医保目录信息下载", "what the insurance pays for", asked=(
        text("hilist_code", 50, "医保目录编码"),
        text("insu_admdvs", 6, "参保所属医保区划"),
    ), told=(
        _CODE, text("hilist_name", 200, "医保目录名称", "name", need=True), _PLACE, _FROM, _TO,
        text("med_chrgitm_type", 6, "医疗收费项目类别"),
        text("chrgitm_lv", 3, "收费项目等级", "level"),
        text("lmt_used_flag", 3, "限制使用标志", "limited"),
        text("list_type", 6, "目录类别"),
        text("med_use_flag", 3, "医疗使用标志"),
        text("matn_used_flag", 3, "生育使用标志"),
        text("hilist_use_type", 3, "医保目录使用类别"),
        text("lmt_cpnd_type", 3, "限复方使用类型"),
        text("wubi", 30, "五笔助记码"),
        text("pinyin", 30, "拼音助记码"),
        text("memo", 500, "备注"),
        _VALID, _RECORD, _UPDATED, *_WHO, _POOL,
    )),
    _by_page("1317", "医药机构目录匹配信息查询", "our codes beside the centre's", asked=(
        text("fixmedins_code", 30, "定点医药机构编号", need=True),
        text("medins_list_codg", 150, "医药机构目录编码"),
        text("insu_admdvs", 6, "参保所属医保区划"),
    ), told=(
        text("fixmedins_code", 30, "定点医药机构编号", need=True),
        text("medins_list_codg", 150, "医药机构目录编码", "code", need=True),
        text("medins_list_name", 200, "医药机构目录名称", "name"),
        _PLACE,
        text("list_type", 6, "目录类别"),
        text("med_list_codg", 50, "医疗目录编码", "other", need=True),
        _FROM, _TO, _VALID, text("rid", 40, "唯一记录号", "record"), _UPDATED,
    )),
    _by_page("1318", "医保目录限价信息查询", "price limits", asked=(
        text("hilist_code", 50, "医保目录编码"),
        text("hilist_lmtpric_type", 6, "医保目录限价类型"),
        text("insu_admdvs", 6, "参保所属医保区划"),
    ), told=(
        _CODE,
        text("hilist_lmtpric_type", 6, "医保目录限价类型", need=True),
        text("overlmt_dspo_way", 6, "医保目录超限处理方式", need=True),
        _PLACE, _FROM, _TO,
        number("hilist_pric_uplmt_amt", 16, 6, "医保目录定价上限金额", "limit", need=True),
        _VALID, _RECORD, _UPDATED, *_WHO, text("tabname", 100, "表名"), _POOL,
    )),
    _by_page("1319", "医保目录先自付比例信息查询", "shares that the person pays first", asked=(
        text("hilist_code", 50, "医保目录编码"),
        text("selfpay_prop_psn_type", 6, "医保目录自付比例人员类别"),
        text("selfpay_prop_type", 6, "目录自付比例类别"),
        text("insu_admdvs", 6, "参保所属医保区划"),
    ), told=(
        _CODE,
        text("selfpay_prop_psn_type", 6, "医保目录自付比例人员类别", need=True),
        text("selfpay_prop_type", 6, "目录自付比例类别", need=True),
        _PLACE, _FROM, _TO,
        number("selfpay_prop", 5, 4, "自付比例", "share", need=True),
        _VALID, _RECORD, _UPDATED, *_WHO, text("tabname", 100, "表名"), _POOL,
    )),
    Transaction("1901", "字典表下载", "dictionaries",
        input=(Node("data", (
            text("type", 30, "字典类型", "name", need=True),
            text("parentValue", 30, "父字典键值"),
            text("admdvs", 6, "医保区划"),
            date("date", "查询日期", "day", need=True),
            text("valiFlag", 3, "有效标志"),
        )),),
        output=(Node("list", (
            text("type", 30, "字典类型", "other", need=True),
            text("label", 200, "字典标签", "name", need=True),
            text("value", 50, "字典键值", "code", need=True),
            text("parentValue", 30, "父字典键值"),
            number("sort", 30, 0, "序号"),
            text("valiFlag", 3, "有效标志", "valid"),
            text("createUser", 50, "创建账户"),
            text("createDate", 19, "创建时间"),
            text("version", 20, "版本号", "version"),
        ), many=True),),
    ),
)
# fmt: on
