from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.apdu import MAX_ROUNDS, Command, Response, read_record, select_by_name, select_file, transmit
from tests.readers.attempts import attempt

BYTE = st.integers(0, 255)
COMMANDS = st.builds(Command, BYTE, BYTE, BYTE, BYTE, st.binary(max_size=255), st.one_of(st.none(), st.integers(1, 256)))


def scripted(*pairs: tuple[str, str]) -> Callable[[bytes], bytes]:
    """An exchange that expects exactly these commands and gives these answers (hex)."""
    script = list(pairs)

    def exchange(command: bytes) -> bytes:
        expected, answer = script.pop(0)

        assert expected == command.hex().upper()
        return bytes.fromhex(answer)

    return exchange


@given(COMMANDS)
def test_every_command_decodes_to_itself(command: Command) -> None:
    assert command == Command.decode(command.encode())


@given(st.binary(max_size=300))
def test_no_input_makes_a_decoder_raise_anything_but_a_fault(raw: bytes) -> None:
    command, response = attempt(lambda: Command.decode(raw)), attempt(lambda: Response.decode(raw))

    if isinstance(command, Fault):
        assert command.code == "card.malformed"
    if isinstance(response, Fault):
        assert response.code == "card.malformed"
    else:
        assert response.encode() == raw


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (Command(0, 0x84, 0, 0), "00840000"),
        (Command(0, 0x84, 0, 0, le=8), "0084000008"),
        (Command(0, 0xB0, 0, 0, le=256), "00B0000000"),
        (select_file(0xEF05, 0x02), "00A4020002EF05"),
        (select_file(0xEF06, 0x00), "00A4000002EF06"),
        (select_by_name(b"sx1.sh." + "社会保障".encode("gbk")), "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"),
        (read_record(0x4E, 0x16), "00B24E0016"),
        (Command(0, 0x88, 0, 0, b"\x01\x02", le=8), "0088000002010208"),
    ],
)
def test_commands_are_written_as_the_reference_has_them(command: Command, expected: str) -> None:
    assert expected == command.encode().hex().upper()


def test_61xx_is_fetched_and_joined() -> None:
    exchange = scripted(("00B2010012", "01106103"), ("00C0000003", "0203046102"), ("00C0000002", "05069000"))

    assert Response(bytes.fromhex("0110020304" + "0506"), 0x9000) == transmit(exchange, read_record(1, 0x12))


def test_6cxx_is_asked_again_with_the_length_that_the_card_wants() -> None:
    exchange = scripted(("00B2030006", "6C05"), ("00B2030005", "03033133309000"))

    assert transmit(exchange, read_record(3, 6)).ok


def test_6cxx_to_get_response_repeats_get_response() -> None:
    exchange = scripted(("00B2030006", "6100"), ("00C0000000", "6C02"), ("00C0000002", "AABB9000"))

    assert transmit(exchange, read_record(3, 6)).data == b"\xaa\xbb"


@pytest.mark.parametrize("endless", [b"\x61\x10", b"\x6c\x10"])
def test_a_card_that_never_ends_is_stopped(endless: bytes) -> None:
    calls = []

    def exchange(command: bytes) -> bytes:
        calls.append(command)
        return endless

    with pytest.raises(Fault) as caught:
        transmit(exchange, read_record(1, 3))

    assert (caught.value.code, len(calls)) == ("card.malformed", MAX_ROUNDS)


@pytest.mark.parametrize("sw", [0x6F00, 0x6A00, 0x9001, 0x6100])
def test_only_9000_is_success(sw: int) -> None:
    assert not Response(b"", sw).ok


@given(st.binary(max_size=300))
def test_no_answer_whatever_makes_transmit_raise_anything_but_a_fault(answer: bytes) -> None:
    response = attempt(lambda: transmit(lambda _: answer, read_record(1, 3)))

    assert not isinstance(response, Fault) or response.code == "card.malformed"
