"""The known answer of GB/T 32918.5, appendix A, to the key of the simulators' sandbox."""

from __future__ import annotations

USER_ID = b"1234567812345678"
MESSAGE = b"message digest"
# k is random, so OpenSSL signs otherwise; whoever verifies must agree to this one (A.2).
SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
