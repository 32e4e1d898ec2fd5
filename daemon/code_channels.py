"""The channel of each code service: the readers know that there may be one, the insurance side knows how it seals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from adapters.insurance.signing.code_channel import CodeChannel
from adapters.insurance.signing.credentials import read_secret
from adapters.insurance.signing.openssl import OpenSslSigningKey, OpenSslVerifyingKey
from adapters.insurance.signing.voucher import Voucher
from readers.qr.channel import Channel, Open
from readers.qr.options import SEALED, CodeOptions


def channels_of(now: Callable[[], dt.datetime]) -> Callable[[CodeOptions], Channel]:
    """The maker of channels. What it makes raises ``Fault("system.config")`` for a secret or key that cannot be had."""

    def channel_of(options: CodeOptions) -> Channel:
        if options.channel != SEALED:
            return Open()
        secret = read_secret(options.app_secret, "codes.app_secret").decode("latin-1")
        ours = OpenSslSigningKey(read_secret(options.signing_key, "codes.signing_key"), "codes.signing_key")
        theirs = OpenSslVerifyingKey(read_secret(options.channel_key, "codes.channel_key"), "codes.channel_key")
        user_id = options.user_id or secret
        return CodeChannel(Voucher(options.app_id, secret, ours, theirs, user_id.encode()), now, options.window_s)

    return channel_of
