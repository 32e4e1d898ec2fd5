from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from adapters.insurance.profile import REGIONS, load_profile, mistakes
from adapters.insurance.profile_pages import keys
from adapters.insurance.profile_words import KINDS, WORDS, word
from config.load import ConfigError, document_of
from daemon import service
from daemon.cli import main
from daemon.profile_check import _EMPTY, _UNSAID, check_profile, unconfirmed

SOUND = 'name = "x"\nregion = "999900"\nreversible = ["2207"]\n'
CONFIRMED = """
name = "x"
region = "999900"
reversible = ["2207"]
not_found_codes = ["1"]
already_reversed_codes = ["2"]
already_done_codes = ["3"]
sign_in = "daily"
after_settle = "nothing"
sign_in_again_codes = ["4"]
refusing_fault_codes = ["5"]
processing_limit_s = 600
quote_expiry_s = 900
adopt_listed = false
query_visits = false
services = ["5301"]
[statement]
not_ready_codes = ["6"]
columns = ["setl_id", "mdtrt_id", "psn_no", "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "refd_setl_flag"]
result_columns = [
    "psn_no", "mdtrt_id", "setl_id", "msgid", "stmt_rslt", "refd_setl_flag", "memo", "medfee_sumamt", "fund_pay_sumamt",
    "acct_pay",
]
encoding = "utf-8"
verdicts = { 0 = "equal", 1 = "differs" }
[inpatient]
discharge = "before-quote"
[cross_region]
regions = [""]
local_digits = 4
[catalogue]
offered = []
"""
WRONG = """
name = "x"
region = "43"
reversible = ["2207", "2601"]
not_found_codes = ["-9"]
already_reversed_codes = ["-9"]
sign_in = "hourly"
sing_in = "daily"
[extra_codes]
med_typ = ["12"]
[lengths]
nonsense = 3
[outpatient]
max_total = "ten"
[cross_region]
kinds = ["spa"]
regions = ["Hunan"]
reversible = ["9999"]
[categories]
99922 = { kind = "outpatient", insurances = ["000"], needs = ["luck"] }
[statement]
verdicts = { 0 = "fine" }
"""
KEYS = (
    "region", "reversible", "already_reversed_codes", "sign_in", "sing_in", "extra_codes", "lengths", "outpatient.max_total",
    "cross_region.kinds", "cross_region.regions", "cross_region.reversible", "categories.99922", "categories.99922.insurances",
    "categories.99922.needs", "statement.verdicts",
)  # fmt: skip


def written(tmp_path: Path, text: str, name: str = "999900-x") -> Path:
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def said_by(path: Path, *, production: bool = False) -> tuple[int, list[str]]:
    lines: list[str] = []
    return check_profile(path, lines.append, production=production), lines


def test_every_mistake_is_told_at_once_with_key_rule_and_hint(tmp_path: Path) -> None:
    status, lines = said_by(written(tmp_path, WRONG))

    assert status == 2
    assert {line.strip().split(": ", 1)[0] for line in lines[1:]} == set(KEYS)
    assert f"{len(KEYS)} mistake(s)" in lines[0]
    assert "是不是 / did you mean sign_in?" in next(line for line in lines if "sing_in" in line)


def test_every_mistake_begins_in_chinese_and_says_what_its_key_is_for(tmp_path: Path) -> None:
    _, lines = said_by(written(tmp_path, WRONG + '[mobile]\nunpaid = ["4"]\n'))

    told = [line.split(": ", 1)[1] for line in lines[1:]]
    assert all(re.match("[^a-z]*[\u4e00-\u9fff]", one) for one in told), told
    assert all(re.search("-> .*[\u4e00-\u9fff]", one) for one in told), told
    assert any("mobile.unpaid: 4 已有含义" in line for line in lines)


def test_what_is_wrong_inside_a_value_is_told_once_and_by_its_own_name(tmp_path: Path) -> None:
    _, lines = said_by(written(tmp_path, f'{SOUND}not_found_codes = [1]\nservices = [5]\n[lengths]\npsn_name = "20"\n'))

    assert [line.strip().split(": ", 1)[0] for line in lines[1:]] == [
        "not_found_codes[0]",
        "services[0]",
        "lengths.psn_name",
    ]


def test_of_a_dialect_that_there_is_not_only_that_is_told(tmp_path: Path) -> None:
    _, lines = said_by(written(tmp_path, f'{SOUND}dialect = "soap-strings"\n[soap]\ncodes = {{ 2207 = "2410" }}\n'))

    assert [line.strip().split(": ", 1)[0] for line in lines[1:]] == ["dialect"]


def test_an_envelope_without_the_number_of_the_sign_in_is_said(tmp_path: Path) -> None:
    head = '[soap.head]\nMSGNO = "infno"\nMSGID = "msgid"\n'
    status, lines = said_by(written(tmp_path, f'{SOUND}dialect = "soap-process"\n{head}'))

    assert (status, sum("sign_no" in line for line in lines)) == (0, 2)
    assert not any("sign_no" in line for line in said_by(REGIONS / "999900-process.toml")[1])


def test_every_key_of_a_profile_has_its_chinese_and_no_word_is_of_another() -> None:
    paths = [key.path for key in keys()]

    assert [path for path in paths if not word(path)] == []
    assert len({word(path) for path in paths}) > len(WORDS) * 0.9
    of_kinds = {path.partition(".")[2] for path in paths if path.partition(".")[0] in KINDS}
    assert {one for one in WORDS if not one.startswith("kind-of-visit.")} <= set(paths)
    assert {one.partition(".")[2] for one in WORDS if one.startswith("kind-of-visit.")} <= of_kinds
    assert word("statement.verdicts.0") == WORDS["statement.verdicts"]
    assert word("nothing.of.ours") == ""


def test_the_template_says_each_key_in_chinese_too() -> None:
    text = (REGIONS / "template.toml").read_text(encoding="utf-8")
    rare = {
        "soap.head",
        "soap.names",
        "soap.fields",
        "soap.codes",
        "national",
        "signature.signtype",
        "signature.with_token",
    }
    missing = {key.path for key in keys() if word(key.path) not in text and not key.path.startswith("categories.*")}

    assert missing <= rare


def test_a_profile_with_a_mistake_is_refused_with_the_whole_list(tmp_path: Path) -> None:
    path = written(tmp_path, WRONG)

    with pytest.raises(ConfigError) as caught:
        load_profile(path.stem, tmp_path)

    assert {problem.path for problem in caught.value.problems} == set(KEYS)


@pytest.mark.parametrize(
    "text",
    ["reversible = [[1], {}]", "categories = 3", "extra_codes = [1]", "[categories]\nx = 1", "not_found_codes = [1]"],
)
def test_whatever_the_file_holds_the_answer_is_a_list(tmp_path: Path, text: str) -> None:
    assert mistakes(document_of(written(tmp_path, text)))


def test_what_is_no_toml_is_told_like_any_mistake(tmp_path: Path) -> None:
    assert said_by(written(tmp_path, "= ="))[0] == 2
    assert said_by(tmp_path / "none.toml")[0] == 2


def test_what_is_left_empty_or_unsaid_is_listed_and_stops_only_production(tmp_path: Path) -> None:
    path = written(tmp_path, SOUND)

    status, lines = said_by(path)

    assert (status, said_by(path, production=True)[0]) == (0, 1)
    told = {line.strip().split(": ", 1)[0] for line in lines if line.startswith("  ")}
    assert told == {one.key for one in (*_EMPTY, *_UNSAID)} - {"reversible"}


def test_a_profile_of_which_all_is_confirmed_may_go_into_production(tmp_path: Path) -> None:
    assert said_by(written(tmp_path, CONFIRMED), production=True) == (
        0, [f"地区文件正确 / the profile is good: {tmp_path}/999900-x.toml (x, 999900)"],
    )  # fmt: skip


def test_a_file_that_is_named_after_another_region_is_said(tmp_path: Path) -> None:
    assert any("999900" in line and "文件名" in line for line in said_by(written(tmp_path, SOUND, "430000"))[1])


def test_what_is_called_unconfirmed_is_a_key_of_the_template() -> None:
    text = (REGIONS / "template.toml").read_text(encoding="utf-8")
    for one in (*_EMPTY, *_UNSAID):
        name = one.key.rpartition(".")[2]
        assert re.search(rf"^(\[statement\.)?{name}( = |\])", text, re.MULTILINE), one.key
    assert [one.key for one in unconfirmed(document_of(REGIONS / "template.toml"))] == [
        one.key for one in _EMPTY if one.key != "reversible"
    ]


def test_the_command_says_the_same_and_its_status_is_that_of_the_check(tmp_path: Path) -> None:
    good = CliRunner().invoke(main, ["check-profile", str(written(tmp_path, SOUND))])
    bad = CliRunner().invoke(main, ["check-profile", str(written(tmp_path, WRONG, "bad"))])
    still = CliRunner().invoke(main, ["check-profile", "--production", str(written(tmp_path, SOUND))])

    assert (good.exit_code, bad.exit_code, still.exit_code) == (0, 2, 1)
    assert "categories.99922.needs" in bad.output


def test_the_daemon_does_not_start_with_a_mistaken_profile_and_says_the_whole_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, WRONG)

    def build(*_arguments: object) -> None:
        load_profile(path.stem, tmp_path)

    monkeypatch.setattr(service, "configure_logs", lambda _options: None)
    monkeypatch.setattr(service, "build", build)
    monkeypatch.setattr("twisted.internet.reactor.seconds", None, raising=False)

    assert service.serve(SimpleNamespace(log=None)) == 1

    told = capsys.readouterr().err
    assert all(f"{key}: " in told for key in KEYS)


@pytest.mark.parametrize(
    ("scheme", "opened"),
    [
        ('[gateway]\nscheme = "csb"\napi_name = ""', {"gateway.api_name", "gateway.timestamp", "gateway.window_s"}),
        ('[gateway]\nscheme = "csb"\napi_name = "n"\ntimestamp = "s"\nwindow_s = 60', set()),
        ('[gateway]\nscheme = "tif"', {"gateway.window_s"}),
        ('[signature]\nscheme = "sm2"', {"signature.user_id", "signature.form"}),
        ('[signature]\nscheme = "sm2"\nuser_id = "u"\nform = "der"', set()),
        ('[signature]\nscheme = "mock"', set()),
    ],
)
def test_what_a_gateway_or_a_signature_leaves_open_is_listed(tmp_path: Path, scheme: str, opened: set[str]) -> None:
    assert {one.key for one in unconfirmed(document_of(written(tmp_path, f"{CONFIRMED}{scheme}\n")))} == opened


def test_of_json_the_gateway_the_signature_and_the_numbers_are_asked_and_no_soap_fault(tmp_path: Path) -> None:
    text = f'dialect = "national"{CONFIRMED}'.replace('refusing_fault_codes = ["5"]\n', "")

    opened = {one.key for one in unconfirmed(document_of(written(tmp_path, text)))}

    assert opened == {"gateway.scheme", "signature.scheme", "national.numbers", "national.addresses"}
