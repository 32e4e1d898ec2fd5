"""The ``[centre]`` section of the configuration."""

from __future__ import annotations

from pathlib import Path

import attrs

from config.section import between, matching, one_of, setting


@attrs.frozen(slots=True, kw_only=True)
class CentreOptions:
    """Where the centre is, who we are to it, and every bound of the way there."""

    url: str = setting(
        help="the centre's SOAP address", validator=matching(r"https?://[^/\s?#@]+(/[^\s#]*)?", "an http or https address")
    )
    institution_code: str = setting(
        help="our code at the centre; the first twelve characters of every message id",
        validator=matching(r"[0-9A-Za-z]{12}", "twelve letters or digits"),
    )
    institution_name: str = setting(help="our name at the centre", validator=matching(r".{1,200}", "1 to 200 characters"))
    profile: str = setting(
        help="the region's rules: a file of config/regions, without .toml",
        validator=matching(r"[0-9A-Za-z._-]{1,64}", "the name of a file without its folder"),
    )
    operator: str = setting(help="operator's number at the centre", validator=matching(r".{1,20}", "1 to 20 characters"))
    operator_name: str = setting(help="operator's name at the centre", validator=matching(r".{1,50}", "1 to 50 characters"))
    operator_kind: str = setting(
        help="1 operator, 2 self-service, 3 mobile", default="1", validator=matching(r"\d{1,3}", "1 to 3 digits")
    )
    device_no: str = setting(
        help="dev_no of the envelope", default="", validator=matching(r".{0,100}", "at most 100 characters")
    )
    terminal_mac: str = setting(
        help="this machine's MAC address, told when signing in",
        default="00-00-00-00-00-00",
        validator=matching(r"[0-9A-Fa-f:-]{12,20}", "a MAC address"),
    )
    terminal_ip: str = setting(
        help="this machine's IP address, told when signing in",
        default="127.0.0.1",
        validator=matching(r"[0-9A-Fa-f.:]{2,20}", "an IP address of at most 20 characters"),
    )
    receiver_code: str = setting(
        help="recer_sys_code: 99 Hunan, YBXT Chongqing, MBS_LOCAL elsewhere",
        default="99",
        validator=matching(r".{1,10}", "1 to 10 characters"),
    )
    interface_version: str = setting(help="infver", default="V1.0", validator=matching(r".{1,6}", "1 to 6 characters"))
    insured_region: str = setting(
        help="when insuplc_admdvs is filled: always, or only for people insured elsewhere (empty = local)",
        default="always",
        validator=one_of("always", "elsewhere"),
    )
    gateway_401_is_refusal: bool = setting(
        help="a gateway's {code: 401} counts as a refusal; turn on once the site has confirmed that it stands in front",
        default=False,
    )
    gateway_id: str = setting(
        help="who we are to the gateway: csb's access key, tif's paasid",
        default="",
        validator=matching(r"[\x21-\x7e]{0,128}", "printable ASCII, at most 128 characters"),
    )
    gateway_secret: str = setting(
        help="where the gateway's secret (csb) or token (tif) is: an absolute path, or a credential of systemd", default=""
    )
    gateway_api_key: str = setting(help="the same of tif's apikey header; empty where the site has none", default="")
    signing_key: str = setting(
        help="where our SM2 private key (PEM) is: an absolute path, or a credential of systemd", default=""
    )
    password_key: str = setting(
        help="where the centre's RSA public key (PEM) for passwords is: an absolute path, or a credential of systemd",
        default="",
    )
    connect_s: float = setting(help="name, TCP and TLS together", default=5.0, unit="s", validator=between(0.05, 60.0))
    total_deadline_s: float = setting(
        help="from handing over a message to its outcome", default=45.0, unit="s", validator=between(0.1, 600.0)
    )
    late_reply_s: float = setting(
        help="how much longer a late reply is listened for", default=120.0, unit="s", validator=between(0.0, 3600.0)
    )
    idle_s: float = setting(
        help="how long an unused connection is kept; shorter than the centre's own limit",
        default=4.0,
        unit="s",
        validator=between(0.1, 60.0),
    )
    idle_connections: int = setting(help="unused connections kept", default=32, validator=between(1, 512))
    max_in_flight: int = setting(
        help="calls at one time, late ones included; one more hears busy", default=500, validator=between(1, 2000)
    )
    xml_threads: int = setting(help="threads that write and read XML", default=2, validator=between(1, 16))
    max_body_bytes: int = setting(
        help="longest message either way", default=2 << 20, unit="bytes", validator=between(1 << 14, 8 << 20)
    )
    catalogue_body_bytes: int = setting(
        help="longest answer with a catalogue's file; by SOAP no file of more than 7 MB can come, XML's texts end there",
        default=32 << 20,
        unit="bytes",
        validator=between(1 << 14, 64 << 20),
    )
    ca_file: Path | None = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="PEM of the authority that signed the centre's certificate; default the system's", default=None
    )
