"""A configuration with faults says all of them at once, each with its dotted path and a hint."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from config.load import MAX_FILE_BYTES, ConfigError, load, read
from config.section import between, matching, one_of, setting


@frozen(slots=True)
class Line:
    host: str = setting(help="where")
    port: int = setting(default=2575, help="its port", validator=between(1, 65535))


@frozen(slots=True)
class Reader:
    name: str = setting(help="its name")
    kind: str = setting(default="pcsc", help="its driver", validator=one_of("pcsc", "serial"))


@frozen(slots=True)
class Settings:
    institution: str = setting(
        help="the twelve characters of the centre", validator=matching("[A-Z0-9]{12}", "twelve A-Z 0-9")
    )
    his: Line = setting(help="the HIS")  # noqa: RUF009 - an attrs field, not a default
    data: Path = setting(default=Path("data"), help="where")  # noqa: RUF009 - an attrs field, not a default
    timeout_s: float = setting(default=30.0, help="how long", validator=between(0.1, 600), unit="s")
    debug: bool = setting(default=False, help="say more")
    region: str | None = setting(default=None, help="which")
    readers: tuple[Reader, ...] = setting(default=(), help="the readers")
    codes: tuple[int, ...] = setting(default=(), help="codes")
    names: dict[str, str] = setting(default=attrs.Factory(dict), help="names")  # noqa: RUF009 - an attrs field, not a default

    def __attrs_post_init__(self) -> None:
        if self.debug and self.region == "live":
            raise ValueError("debug is not for a live region")


GOOD = {"institution": "H99990000001", "his": {"host": "10.0.0.1"}}


def problems(document):
    """Path -> message and hint in English."""
    with pytest.raises(ConfigError) as caught:
        read(Settings, document)
    return {
        problem.path: (problem.message.rpartition(" / ")[2], problem.hint.rpartition(" / ")[2])
        for problem in caught.value.problems
    }


def told(tmp_path, raw):
    path = tmp_path / "y.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load(Settings, path)
    (problem,) = caught.value.problems
    assert problem.path == str(path)
    return problem


def test_a_sound_file_becomes_one_typed_frozen_value(tmp_path):
    path = tmp_path / "y.toml"
    path.write_text(
        """
        institution = "H99990000001"
        timeout_s = 5
        data = "/var/lib/y"
        codes = [1, 2]
        names = { a = "甲" }
        [his]
        host = "10.0.0.1"
        [[readers]]
        name = "one"
        [[readers]]
        name = "two"
        kind = "serial"
        """,
        encoding="utf-8",
    )

    assert load(Settings, path) == Settings(
        institution="H99990000001", his=Line("10.0.0.1", 2575), data=Path("/var/lib/y"), timeout_s=5.0,
        readers=(Reader("one"), Reader("two", "serial")), codes=(1, 2), names={"a": "甲"},
    )  # fmt: skip


def test_every_problem_is_told_at_once_with_its_path_and_a_hint():
    found = problems(
        {
            "institutoin": "H99990000001",
            "his": {"port": 70000, "hosst": "x"},
            "timeout_s": "30",
            "debug": 1,
            "data": 7,
            "readers": [{"name": "one"}, {"name": 2, "kind": "usb"}, "three"],
            "codes": [1, "2", True],
            "names": {"a": 1},
        }
    )

    assert found == {
        "institutoin": ("unknown key", "did you mean institution?"),
        "institution": ("is required", "the twelve characters of the centre"),
        "his.hosst": ("unknown key", "did you mean host?"),
        "his.host": ("is required", "where"),
        "his.port": ("port must be between 1 and 65535, got 70000", "its port"),
        "timeout_s": ("must be a number, got text", "write it without quotes"),
        "debug": ("must be true or false, got a number", ""),
        "data": ("must be a path (text), got a number", ""),
        "readers[1].name": ("must be text, got a number", "write it in quotes"),
        "readers[1].kind": ("kind must be one of pcsc, serial, got 'usb'", "its driver"),
        "readers[2]": ("must be a table", "write [readers[2]]"),
        "codes[1]": ("must be a whole number, got text", "write it without quotes"),
        "codes[2]": ("must be a whole number, got true/false", ""),
        "names.a": ("must be text, got a number", "write it in quotes"),
    }


def test_the_whole_text_of_the_error_has_a_line_a_problem():
    with pytest.raises(ConfigError) as caught:
        read(Settings, {"his": {}, "x": 1})

    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    assert all(re.match("[\u4e00-\u9fff]+ / ", problem.message) for problem in caught.value.problems)
    assert "his.host: 必填 / is required  -> where" in str(caught.value).splitlines()


def test_a_key_that_is_like_none_gets_the_list_of_known_ones():
    (message, hint) = problems({**GOOD, "zzz": 1})["zzz"]

    assert message == "unknown key"
    assert hint.startswith("known keys: institution, his, data")


def test_a_missing_section_tells_what_is_required_in_it():
    assert problems({"institution": "H99990000001"}) == {"his.host": ("is required", "where")}


@pytest.mark.parametrize("value", ["abc", 3, ["x"], True])
def test_a_section_that_is_no_table_is_told(value):
    assert problems({**GOOD, "his": value}) == {"his": ("must be a table", "write [his]")}


@pytest.mark.parametrize(("key", "value"), [("readers", {}), ("codes", 1), ("names", [])])
def test_a_list_or_a_table_of_names_must_be_one(key, value):
    assert "must be a" in problems({**GOOD, key: value})[key][0]


@pytest.mark.parametrize("value", [0, 600.1, float("nan"), float("inf")])
def test_a_number_out_of_range_is_told_with_its_range(value):
    assert problems({**GOOD, "timeout_s": value})["timeout_s"][0].startswith("timeout_s must be between 0.1 and 600, got")


def test_a_shape_is_told_in_words():
    assert problems({**GOOD, "institution": "h1"})["institution"][0] == "institution must be twelve A-Z 0-9, got 'h1'"


def test_a_rule_over_several_keys_is_told_at_its_section():
    assert problems({**GOOD, "debug": True, "region": "live"}) == {"(file)": ("debug is not for a live region", "")}


def test_a_whole_number_is_a_number_but_a_fraction_is_not_whole():
    assert read(Settings, {**GOOD, "timeout_s": 3}).timeout_s == 3.0
    assert problems({**GOOD, "his": {"host": "x", "port": 1.0}})["his.port"][0] == "must be a whole number, got a number"


# -- the file


def test_what_is_not_toml_is_told_with_its_line(tmp_path):
    problem = told(tmp_path, b"a = 1\nb = = 2\n")

    assert "is not TOML" in problem.message
    assert "line 2" in problem.message


def test_what_is_not_utf8_is_told(tmp_path):
    assert "is not TOML in UTF-8" in told(tmp_path, 'name = "一卡通"'.encode("gb18030")).message


def test_a_file_too_long_is_refused_and_not_read_to_its_end(tmp_path):
    assert "longer than 1 MiB" in told(tmp_path, b"#" * (MAX_FILE_BYTES + 1)).message
    with pytest.raises(ConfigError, match="longer than 1 MiB"):
        load(Settings, Path("/dev/zero"))


def test_a_file_of_just_the_limit_is_read(tmp_path):
    path = tmp_path / "y.toml"
    head = b'institution = "H99990000001"\nhis.host = "x"\n#'
    path.write_bytes(head + b"-" * (MAX_FILE_BYTES - len(head)))

    assert load(Settings, path).his.host == "x"


def test_nesting_without_end_is_told(tmp_path):
    assert told(tmp_path, b"a = " + b"[" * 100_000).message


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(Settings, tmp_path / name)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([one.name for one in attrs.fields(Settings)]) | st.text(max_size=5)


@given(st.dictionaries(KEYS, VALUES, max_size=9))
def test_no_document_raises_anything_but_the_list_of_problems(document):
    found = []
    try:
        read(Settings, document)
    except ConfigError as exc:
        found = exc.problems
        assert found

    assert all(problem.path and problem.message for problem in found)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_the_list_of_problems(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "bytes.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError):
        load(Settings, path)
