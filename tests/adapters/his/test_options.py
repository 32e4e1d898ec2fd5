"""The section [his] of the configuration."""

from __future__ import annotations

import pytest

from adapters.his.hl7v2.destinations import HisOptions, destinations_of
from adapters.his.hl7v2.options import Hl7Options
from config.load import ConfigError, read
from middleware.domain.command import NOTICES, HisMatter
from middleware.domain.destination import EVERYTHING


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


def whose(document):
    return {one.name: one for one in destinations_of(read(HisOptions, document))}


def test_a_his_alone_is_the_one_destination_and_decides_everything():
    (alone,) = whose({"host": "his.example"}).values()

    assert (alone.name, alone.wants, alone.decides) == ("his", EVERYTHING - NOTICES, EVERYTHING - NOTICES)
    (told,) = whose({"update_event": "A31", "merge_event": "A40"}).values()
    assert told.wants - alone.wants == {HisMatter.UPDATED, HisMatter.MERGED} == told.decides - alone.decides


def test_each_further_destination_has_its_own_link_and_may_decide_in_the_place_of_the_his():
    options = {
        "events": ["registered"],
        "destinations": {
            "billing": {"port": 2600, "encoding": "gb18030", "decides": ["settled", "cancelled"]},
            "pharmacy": {"port": 2601, "events": ["settled", "cancelled"]},
        },
    }
    found = whose(options)

    assert found["his"].decides == {HisMatter.REGISTERED}
    assert found["billing"].decides == {HisMatter.SETTLED, HisMatter.CANCELLED}
    assert (found["pharmacy"].mark, found["pharmacy"].decides) == ("p", frozenset())
    assert read(HisOptions, options).all["billing"].dialect().codec == "gb18030"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"destinations": {"a": {"decides": ["settled"]}}}, "decides settled decides cancelled too"),
        (
            {"destinations": {"a": {"decides": ["registered"]}, "b": {"decides": ["registered"]}}},
            "more than one decides registered",
        ),
        ({"destinations": {"pharmacy": {}, "platform": {}}}, "a mark of its own"),
        ({"destinations": {"his": {}}}, "and not his"),
        ({"events": ["registered"]}, "is not told of it"),
        ({"destinations": {"a": {"events": ["paid"]}}}, "paid is none of"),
        ({"sequence_numbers": "ask", "connections": 2}, "one message at a time"),
        ({"answers_on": "his-main"}, "application_ack AL, SU or ER"),
    ],
)
def test_a_mistake_about_destinations_is_told_by_its_name(document, told):
    with pytest.raises(ConfigError) as caught:
        read(HisOptions, document)

    assert told in str(caught.value)
