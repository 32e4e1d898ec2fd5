"""The two styles of SOAP that carry a text: what leaves is what was meant, and what comes back is read whole or not at all."""

from __future__ import annotations

import contextlib
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_twisted
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from twisted.internet import reactor

from adapters.insurance.exchange.cells import NotOurs
from adapters.insurance.exchange.mapping import to_input
from adapters.insurance.profile import load_profile
from adapters.insurance.profile_soap import WSDLS, SoapForm
from adapters.insurance.soap.contract import NAMESPACE, WSDL
from adapters.insurance.soap.envelope import Envelopes
from adapters.insurance.soap.process_message import ProcessMessages
from adapters.insurance.soap.stack import SoapFault, Tokens, Unreadable
from adapters.insurance.soap.string_message import StringMessages
from adapters.insurance.soap.style import OURS, Carried, Style, style_of
from adapters.insurance.transactions import REQUEST_HEAD, TRANSACTIONS
from config.load import ConfigError
from middleware.domain.centre import Call, CompareTotals, SignedOut, SignOut, TotalsCompared
from middleware.domain.fault import Fault
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.statement import Period, Refunds, Slice, Totals
from simulators.centre.server import CentreSimulator, china_now
from simulators.centre.speech import Speech, process_speech, string_speech
from simulators.centre.texts import ProcessText, StringText
from tests.adapters.insurance.requests import MESSAGE_ID, REQUESTS
from tests.simulators.centre.desk import open_desk

DIALECTS = ("soap-process", "soap-string")
HEAD = {spec.name: "1" for spec in REQUEST_HEAD if spec.need}
FORM = SoapForm(
    codes={"2207": "2410", "9001": "9100"},
    fields={"mdtrt_id": "AKC190", "setl_id": "AKC281", "data": "ROWS"},
    names={"code": "RTNCODE", "root": "PROGRAM"},
)


def speech_of(dialect: str, form: SoapForm) -> Speech:
    if dialect == "soap-string":
        return string_speech(StringText(form.codes))
    return process_speech(ProcessText(form.codes, form.fields, form.head, form.names))


def style(dialect: str, form: SoapForm = FORM) -> Style:
    return style_of(attrs.evolve(load_profile("999900-test"), dialect=dialect, soap=form))


STYLES = {dialect: style(dialect) for dialect in DIALECTS}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("code", REQUESTS)
def test_another_reader_finds_every_field_that_was_written(dialect: str, code: str) -> None:
    nodes = to_input(REQUESTS[code])
    written = STYLES[dialect].write(code, {**HEAD, "infno": code, "msgid": MESSAGE_ID}, nodes)
    read = speech_of(dialect, FORM).read(written)

    assert (read.call, read.head["msgid"]) == (code, MESSAGE_ID)
    found = {
        name: [{key: value for key, value in row.items() if value} for row in rows] for name, rows in read.nodes.items()
    }
    assert found == {
        name: [{key: value for key, value in row.items() if value} for row in rows] for name, rows in nodes.items()
    }


def test_a_centre_hears_its_own_codes_and_names() -> None:
    head = {**HEAD, "infno": "2601", "sign_no": "C7", "msgid": "M1"}
    document = etree.fromstring(ProcessMessages(FORM).write("2601", head, to_input(REQUESTS["2601"])))

    assert document.tag == "PROGRAM"
    said = [(child.tag, child.text) for child in document if child.tag != "INPUT"]
    assert said[:2] == [("MSGNO", "2601"), ("MSGID", "M1")]
    assert ("ORGMSGNO", "2410") in said
    assert ("ORGMSGID", MESSAGE_ID) in said
    assert ("BATNO", "C7") in said
    assert document.find("INPUT/ROWS").findtext("oinfno") == "2410"
    assert StringMessages(FORM).write("2207", head, to_input(REQUESTS["2207"])).startswith("2410^1^1^C7^M1^^")


# What the check of the tables lets through: everything but control characters and halves of characters.
LEGAL = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="￾￿", whitelist_characters="\n\t"), max_size=40
)
NASTY = st.sampled_from(["]]>", "<a/>", "&amp;", "</INPUT></ROOT>", "<![CDATA[x]]>", "\n", "  x  ", "𬭎", '"', "'"])


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(NASTY, LEGAL), max_size=4).map("".join))
def test_no_text_ends_its_element_whatever_it_is_made_of(text: str) -> None:
    row = {"psn_no": text, "omsgid": "2", "oinfno": "2207"}
    written = STYLES["soap-process"].write("2601", {**HEAD, "infno": "2601"}, {"data": (row,)})
    read = speech_of("soap-process", FORM).read(written)

    assert [dict(one) for one in read.nodes["data"]] == [row]
    assert set(read.nodes) == {"data"}


@settings(max_examples=120, deadline=None)
@given(LEGAL)
def test_a_string_carries_a_text_as_it_is_or_it_does_not_leave(text: str) -> None:
    row = {"psn_no": text, "omsgid": "2", "oinfno": "2207"}
    if any(separator in text for separator in "^|$"):
        with pytest.raises(Fault) as caught:
            STYLES["soap-string"].write("2601", HEAD, {"data": (row,)})
        assert caught.value.detail.startswith("2601 data.psn_no: holds")
    else:
        read = speech_of("soap-string", FORM).read(STYLES["soap-string"].write("2601", HEAD, {"data": (row,)}))
        assert [dict(one) for one in read.nodes["data"]] == [row]


@pytest.mark.parametrize("separator", ["^", "|", "$"])
def test_a_separator_in_the_head_or_in_a_later_row_does_not_leave_either(separator: str) -> None:
    lines = to_input(REQUESTS["2204"])["feedetail"]
    row = dict(lines[0]) | {"bilg_dr_name": f"a{separator}b"}

    with pytest.raises(Fault, match=r"centre\.field") as caught:
        STYLES["soap-string"].write("2204", HEAD, {"feedetail": (lines[0], row)})
    assert caught.value.detail.startswith("2204 feedetail[1].bilg_dr_name")
    with pytest.raises(Fault) as caught:
        STYLES["soap-string"].write("2204", HEAD | {"opter": separator}, {"feedetail": lines})
    assert caught.value.detail.startswith("2204 head.opter")


# -- replies ------------------------------------------------------------------------------------------------------------


def process(inner: str) -> str:
    return f"<ROOT><MSGID>M1</MSGID>{inner}</ROOT>"


def read_process(code: str, text: str, form: SoapForm | None = None) -> Tokens:
    return ProcessMessages(form or SoapForm()).read(code, text, "M1")


def test_a_document_is_read_whatever_its_capitals_and_with_more_in_it_than_we_know() -> None:
    read = read_process(
        "2207",
        '<?xml version="1.0" encoding="GBK"?>'
        + process(
            "<!-- x --><Code> 0 </Code><News>1</News><Output><SETLINFO><SETL_ID>J1</SETL_ID><MEDFEE_SUMAMT>-12.30</MEDFEE_SUMAMT>"
            "<acct_pay>null</acct_pay><balc/><new_thing>1</new_thing></SETLINFO>"
            "<setldetail><row><fund_payamt>1.00</fund_payamt></row><row><fund_payamt>2.00</fund_payamt></row></setldetail></Output>"
        ),
    )

    row = (read.output or {})["setlinfo"]
    assert (read.code, row["setl_id"], row["medfee_sumamt"]) == ("0", "J1", Decimal("-12.30"))
    assert row["acct_pay"] is row["balc"] is None
    assert [one["fund_payamt"] for one in (read.output or {})["setldetail"]] == [Decimal("1.00"), Decimal("2.00")]


def test_amounts_of_a_text_are_exact_decimals_and_never_floats() -> None:
    amounts = StringMessages(SoapForm())
    read = amounts.read("2208", "0^S1^" + _cells("2208", medfee_sumamt="9007199254740993.01"), "")

    assert isinstance(read, Tokens)
    assert (read.output or {})["setlinfo"]["medfee_sumamt"] == Decimal("9007199254740993.01")
    for wrong in ("1e3", "NaN", "0x1", "1,000.00", "１", "1" * 41):
        with pytest.raises(Unreadable, match="medfee_sumamt"):
            amounts.read("2208", "0^S1^" + _cells("2208", medfee_sumamt=wrong), "")
        inner = f"<CODE>0</CODE><OUTPUT><setlinfo><medfee_sumamt>{wrong}</medfee_sumamt></setlinfo></OUTPUT>"
        with pytest.raises(Unreadable, match="medfee_sumamt"):
            read_process("2208", process(inner))


def _cells(code: str, **values: str) -> str:
    """One row of setlinfo as a string has it."""
    fields = next(node.fields for node in TRANSACTIONS[code].output if node.name == "setlinfo")
    return "|".join(["setlinfo", *(values.get(spec.name, "") for spec in fields)])


@pytest.mark.parametrize(
    "inner",
    [
        "<CODE>0</CODE><CODE>1</CODE>",
        "<OUTPUT/><OUTPUT/>",
        "<OUTPUT><setlinfo><setl_id>1</setl_id><SETL_ID>2</SETL_ID></setlinfo></OUTPUT>",
        "<OUTPUT><setlinfo><setl_id><b>1</b></setl_id></setlinfo></OUTPUT>",
        "<unclosed>",
        "</ROOT><ROOT>",
        "\x01",
    ],
    ids=["two-codes", "two-outputs", "two-numbers", "no-text", "unclosed", "two-roots", "control"],
)
def test_a_document_of_which_nobody_knows_what_counts_is_unreadable(inner: str) -> None:
    with pytest.raises(Unreadable):
        read_process("2207", process(inner))


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><ROOT><CODE>&x;</CODE></ROOT>',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ROOT><CODE>&b;</CODE></ROOT>',
        "<!DOCTYPE ROOT><ROOT><CODE>0</CODE></ROOT>",
    ],
    ids=["file", "entities", "bare"],
)
def test_a_document_inside_declares_nothing(text: str) -> None:
    with pytest.raises(Unreadable):
        read_process("2207", text)


def test_an_answer_to_another_message_is_not_ours() -> None:
    with pytest.raises(NotOurs):
        read_process("2207", "<ROOT><MSGID>M2</MSGID><CODE>0</CODE></ROOT>")
    assert read_process("2207", "<ROOT><CODE>0</CODE></ROOT>").code == "0"  # silence is no contradiction


@pytest.mark.parametrize(
    "text",
    ["0", "0^1", "0^1^^^^x", "0^1^" + "|" * 7, "0^1^nosuch|1", "0^1^setlinfo|1", "0^1^" + "$".join([_cells("2207")] * 2)],
    ids=["no-parts", "two-parts", "too-many", "no-table", "another-table", "too-few-cells", "table-twice"],
)
def test_a_string_of_another_shape_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        StringMessages(SoapForm()).read("2207", text, "M1")


def test_one_cell_too_many_is_unreadable_for_it_shifts_every_amount() -> None:
    good = _cells("2207", psn_name="a")
    messages = StringMessages(SoapForm())

    assert isinstance(messages.read("2207", f"0^1^{good}^^", "M1"), Tokens)
    with pytest.raises(Unreadable, match="cells"):
        messages.read("2207", f"0^1^{_cells('2207', psn_name='a|b')}^^", "M1")


def test_a_string_that_went_wrong_is_no_refusal() -> None:
    messages = StringMessages(SoapForm())

    assert messages.read("2207", "-1^^^时间太长^", "M1") == SoapFault("-1")
    assert messages.read("2207", "-2^^^余额^不足^", "M1") == Tokens("-2", "余额^不足", None)
    assert messages.read("9001", "0^C42^^^", "M1") == Tokens("0", "", {"signinoutb": {"sign_no": "C42"}})


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120), st.sampled_from(sorted(TRANSACTIONS)))
def test_no_text_whatever_raises_anything_but_unreadable(text: str, code: str) -> None:
    for messages in (ProcessMessages(FORM), StringMessages(FORM)):
        for given_text in (text, f"0^1^{text}", f"<PROGRAM><RTNCODE>0</RTNCODE><OUTPUT>{text}</OUTPUT></PROGRAM>"):
            with contextlib.suppress(Unreadable, NotOurs):
                messages.read(code, given_text, "M1")


def _output(code: str) -> Any:
    values = {"C": "a1", "N": "7", "D": "2026-03-02", "DT": "2026-03-02 09:30:15", "B": "UEsFBg=="}
    output: dict[str, Any] = {}
    for node in TRANSACTIONS[code].output:
        row = {spec.name: values[spec.type] for spec in node.fields}
        if TRANSACTIONS[code].is_list:
            return [row, row]
        output |= {node.name: [row, row] if node.many else row} if node.name else row
    return output


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("code", TRANSACTIONS)
def test_every_output_of_the_tables_can_be_read(dialect: str, code: str) -> None:
    request = speech_of(dialect, FORM).read(
        STYLES[dialect].write(code, {**HEAD, "infno": code}, {node.name: ({},) for node in TRANSACTIONS[code].input})
    )
    head = {"infcode": "0", "inf_refmsgid": "R1", "err_msg": ""}
    body = speech_of(dialect, FORM).write(request, head, _output(code) or None)
    read = STYLES[dialect].read(code, body, request.head["msgid"])

    assert isinstance(read, Tokens)
    listed = TRANSACTIONS[code].is_list
    assert set(read.output or {}) == ({""} if listed else set(_output(code)))
    for node in TRANSACTIONS[code].output if code != "9001" else ():
        found = (read.output or {}).get(node.name) if node.name or listed else read.output
        assert not listed or len(found) == 2
        for row in found if isinstance(found, list) else [found]:
            assert {spec.name for spec in node.fields if (row or {}).get(spec.name) is None} == set()


# -- on a wire ----------------------------------------------------------------------------------------------------------


def desk_of(dialect: str, **changes: Any) -> Any:
    profile = attrs.evolve(load_profile("999900-test"), dialect=dialect, soap=FORM, **changes.pop("profile", {}))
    return open_desk(CentreSimulator(reactor, speech=speech_of(dialect, FORM), **changes), profile=profile)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest_twisted.ensureDeferred
async def test_a_visit_is_settled_cancelled_and_its_cancel_reversed(dialect: str) -> None:
    async with desk_of(dialect) as desk:
        visit, settled = await desk.settled()
        number = settled.reply.settlement_number
        assert isinstance(await desk.cancel(visit, number), Answered)
        assert isinstance(await desk.reverse(visit, desk.sent[-1], Call.CANCEL), Answered)
        assert [row.state.value for row in desk.simulator.ledger.settlements] == ["approved"]
        assert desk.simulator.ledger.settlements[0].bill.total == settled.reply.split.total


EVIDENCE = {
    "refuse": Refused,
    "lose-reply": Unknown,
    "drop-before": Unknown,
    "garbage": Unknown,
    "html-200": Unknown,
    "page-504": Unknown,
    "soap-fault": Unknown,
    "cut-mid-reply": Unknown,
    "wrong-namespace": Unknown,
    "missing-setl_id": Unknown,
    "other-person": Unknown,
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest_twisted.ensureDeferred
async def test_evidence_is_judged_by_the_same_table_as_in_the_typed_style(dialect: str) -> None:
    async with desk_of(dialect) as desk:
        for action, end in EVIDENCE.items():
            desk.simulator.faults.next("2207", action)
            _, outcome = await desk.settled()
            assert isinstance(outcome, end), (action, outcome)
        await desk.simulator.stop()
        assert isinstance(await desk.call(REQUESTS["2601"]), NotSent)


@pytest_twisted.ensureDeferred
async def test_an_old_centre_compares_the_cycle_that_it_gave_and_then_ends_it() -> None:
    base = load_profile("999900-test").statement
    form = attrs.evolve(base, by_cycle=True, detail=False)
    async with desk_of("soap-string", by_cycle=True, profile={"statement": form}) as desk:
        await desk.settled()
        number = desk.centre.signs.number_for(REQUESTS["2207"])
        (row,) = desk.simulator.ledger.settlements
        today = china_now().date()
        mine = Totals(row.bill.total, row.bill.fund, row.bill.account, row.bill.cash, 1)
        slice_ = Slice(row.insurance, row.clearing_type, row.clearing_agency)

        compared = (await desk.call(CompareTotals(slice_, Period(today, today), mine, Refunds.TOGETHER, number))).reply
        assert isinstance(compared, TotalsCompared)
        assert compared.equal
        assert isinstance((await desk.call(SignOut(number, "0001"))).reply, SignedOut)


# -- a centre's own contract --------------------------------------------------------------------------------------------

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def answer_of(element: str, namespace: str, inner: str) -> bytes:
    return (
        f'<S:Envelope xmlns:S="{SOAP}"><S:Body><n:{element} xmlns:n="{namespace}">{inner}</n:{element}></S:Body></S:Envelope>'
    ).encode()


@pytest.mark.parametrize(
    ("dialect", "wsdl", "operation", "namespace", "sent", "answer", "action"),
    [
        ("soap-process", "example-jaxws.wsdl", "process", "http://ws.centre.example/", "arg0", "return", ""),
        (
            "soap-string",
            "example-asmx.wsdl",
            "BUSINESS_HANDLE",
            "http://tempuri.org/",
            "{http://tempuri.org/}inputStr",
            "n:BUSINESS_HANDLEResult",
            "http://tempuri.org/BUSINESS_HANDLE",
        ),
    ],
    ids=["jaxws", "asmx"],
)
def test_a_centres_own_contract_is_kept(
    dialect: str, wsdl: str, operation: str, namespace: str, sent: str, answer: str, action: str
) -> None:
    own = style(dialect, SoapForm(wsdl=wsdl))
    called = etree.fromstring(own.write("2601", {**HEAD, "infno": "2601"}, to_input(REQUESTS["2601"])))[0][0]
    inner = {"soap-process": "&lt;ROOT>&lt;CODE>0&lt;/CODE>&lt;/ROOT>", "soap-string": "0^S1^^^"}[dialect]

    assert own.action("2601") == action
    assert (called.tag, [child.tag for child in called]) == (f"{{{namespace}}}{operation}", [sent])
    body = answer_of(f"{operation}Response", namespace, f"<{answer}>{inner}</{answer}>")
    assert own.read("2601", body) == Tokens("0", "", None)
    for wrong in (
        answer_of(f"{operation}Response", "urn:another", f"<{answer}>{inner}</{answer}>"),
        answer_of("another", namespace, f"<{answer}>{inner}</{answer}>"),
        answer_of(f"{operation}Response", namespace, ""),
        answer_of(f"{operation}Response", namespace, f"<{answer}>{inner}</{answer}><more/>"),
    ):
        with pytest.raises(Unreadable):
            own.read("2601", wrong)


def test_a_typed_contract_of_other_names_is_kept_as_well(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.wsdl"
    text = WSDL.read_text(encoding="utf-8").replace(NAMESPACE, "http://centre.example/typed")
    for ours, called in (("call", "Trans_"), ("request", "In_"), ("reply", "Out_")):
        text = re.sub(rf'(["\:]){ours}(\d{{4}})', rf"\g<1>{called}\g<2>", text)
    theirs.write_text(text, encoding="utf-8")
    own = Envelopes(theirs, "Trans_{code}")
    head, nodes = {**HEAD, "infno": "2207"}, to_input(REQUESTS["2207"])

    ours = Envelopes().write("2207", head, nodes).replace(NAMESPACE.encode(), b"http://centre.example/typed")
    assert own.write("2207", head, nodes) == ours.replace(b"request2207", b"In_2207")
    body = answer_of("Out_2207", "http://centre.example/typed", "<n:infcode>2079</n:infcode>")
    assert own.read("2207", body) == Tokens("2079", "", None)
    with pytest.raises(ConfigError, match="no operation"):
        Envelopes(theirs, "call{code}")


def test_a_contract_that_cannot_be_used_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wsdl"
    broken.write_text("<wsdl", encoding="utf-8")
    two = tmp_path / "two.wsdl"
    one = '<xs:element name="xml" type="xs:string"/>'
    text = (WSDLS.parents[2] / "adapters" / "insurance" / "soap" / "process.wsdl").read_text(encoding="utf-8")
    two.write_text(text.replace(one, one + one.replace("xml", "more")), encoding="utf-8")

    for file, operation in ((broken, "process"), (two, "process"), (OURS["soap-process"], "another")):
        with pytest.raises(ConfigError) as caught:
            Carried(file, operation, ProcessMessages(SoapForm()))
        assert caught.value.problems[0].path.startswith("soap.")
