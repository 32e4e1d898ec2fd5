"""The section ``[bank]`` of the configuration: one acquirer's host by ISO 8583."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from adapters.bank.iso8583.mac import ALGORITHMS
from config.section import between, matching, one_of, setting

_HEX = r"([0-9A-Fa-f]{2})"


@frozen(slots=True)
class BankOptions:
    """Whether own shares may be paid by bank card here, and the way to the host."""

    enabled: bool = setting(False, help="own shares may be paid by bank card; false: means bank_card is refused")
    host: str = setting(
        "127.0.0.1",
        help="the host's IP address",
        validator=matching(r"[0-9A-Fa-f.:]{2,45}", "an IP address: no name service stands in the way of money"),
    )
    port: int = setting(7583, help="its port", validator=between(1, 65535))
    coding: str = setting("bcd", help="how digits are written", validator=one_of("bcd", "ascii"))
    tpdu: str = setting(
        "6000000000", help="the TPDU before each message", validator=matching(f"60{_HEX}{{4}}", "10 hex digits")
    )
    header: str = setting("", help="the application header behind it", validator=matching(f"{_HEX}{{0,16}}", "hex digits"))
    terminal: str = setting(
        "00000001", help="our terminal (field 41); one a node", validator=matching(r"[0-9A-Za-z]{8}", "8 letters or digits")
    )
    merchant: str = setting(
        "000000000000001", help="our merchant (field 42)", validator=matching(r"[0-9A-Za-z]{15}", "15 letters or digits")
    )
    merchant_name: str = setting(
        "",
        help="field 43, at most 40 bytes of GB18030; empty leaves it out",
        validator=matching(r"[^\x00-\x1f\x7f]{0,40}", "text"),
    )
    batch: str = setting("000001", help="the batch of our trace numbers", validator=matching(r"\d{6}", "six digits"))
    currency: str = setting("156", help="field 49", validator=matching(r"\d{3}", "three digits"))
    mac: str = setting("sm4-cbc", help="how field 64 is made; none only for a test line", validator=one_of(*ALGORITHMS))
    mac_key_file: Path | None = setting(None, help="the MAC key: 32 hex digits in a file that only the daemon reads")  # noqa: RUF009 - an attrs field
    utc_offset_minutes: int = setting(480, help="the host's clock against UTC", unit="min", validator=between(-720, 840))
    connect_s: float = setting(5.0, help="time to get a connection", unit="s", validator=between(0.05, 60))
    reply_timeout_s: float = setting(
        45.0, help="from handing over a message to its outcome", unit="s", validator=between(0.05, 300)
    )
    late_reply_s: float = setting(120.0, help="how much longer a late reply is used", unit="s", validator=between(0, 3600))
    processing_limit_s: float = setting(
        120.0,
        help="after this long the bank works no more on a message: only then 'original not found' ends a reversal",
        unit="s",
        validator=between(0.05, 86_400),
    )
    echo_s: float = setting(60.0, help="an idle line is asked whether it lives", unit="s", validator=between(0.1, 3600))
    retry_first_s: float = setting(
        0.5, help="first wait before connecting again; doubles", unit="s", validator=between(0.01, 60)
    )
    retry_most_s: float = setting(30.0, help="longest of these waits", unit="s", validator=between(0.05, 600))
    max_in_flight: int = setting(64, help="messages at one time; one more hears busy", validator=between(1, 1000))
    cancel_on_capture_refusal: bool = setting(
        False,
        help="when the bank refuses to take what it held: true cancels the settlement at the centre, "
        "false leaves it settled and the cashier collects",
    )

    def __attrs_post_init__(self) -> None:
        if self.enabled and (self.mac == "none") != (self.mac_key_file is None):
            raise ValueError("mac_key_file belongs to a mac that is not none")
