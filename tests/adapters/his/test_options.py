"""The section [his] of the configuration."""

from __future__ import annotations

import pytest

from adapters.his.hl7v2.options import Hl7Options
from config.load import ConfigError, read


def test_the_defaults_are_a_usable_dialect():
    dialect = Hl7Options().dialect()

    assert (dialect.version, dialect.codec, dialect.charset_name) == ("2.5", "utf-8", "UNICODE UTF-8")
    assert (dialect.card_type, dialect.id_number_type, dialect.social_security_type) == ("HC", "NNCHN", "SS")


def test_a_gb18030_site_gets_the_standards_own_literal_unless_it_wants_another():
    assert read(Hl7Options, {"encoding": "gb18030"}).dialect().charset_name == "GB 18030-2000"
    assert read(Hl7Options, {"encoding": "gb18030", "charset_name": "GBK"}).dialect().charset_name == "GBK"


def test_a_whole_site_is_read():
    options = read(
        Hl7Options,
        {
            "host": "his.example",
            "tls": {"enabled": True, "ca_file": "/etc/ca.pem"},
            "identifiers": {"card": "Card_No", "social_security": ""},
        },
    )

    assert options.dialect().card_type == "Card_No"
    assert str(options.tls.ca_file) == "/etc/ca.pem"


def test_every_problem_is_told_at_once_with_its_path():
    document = {
        "prot": 1,
        "version": "3.0",
        "ack_timeout_s": 0,
        "sending_application": "A|B",
        "identifiers": {"card": "卡"},
        "tls": {"enabled": "yes"},
    }
    with pytest.raises(ConfigError) as caught:
        read(Hl7Options, document)

    told = {problem.path for problem in caught.value.problems}
    assert told == {"prot", "version", "ack_timeout_s", "sending_application", "identifiers.card", "tls.enabled"}
