"""MSH-18 as sites write it -> the codec that reads it. GB18030 reads GB2312 and GBK, so one decoder covers all three.

Sources: HL7 table 0211; the other names are those met in public Chinese code.
"""

from __future__ import annotations

GB, UTF_8 = "gb18030", "utf-8"

# Table 0211's own literal for each codec that we write.
STANDARD: dict[str, str] = {GB: "GB 18030-2000", UTF_8: "UNICODE UTF-8"}

# Compared without case, blanks, hyphens, dots, underscores and slashes.
NAMES: dict[str, str] = {
    "GB18030": GB, "GB180302000": GB, "GB180302005": GB, "GBK": GB, "GB2312": GB, "GB231280": GB, "CP936": GB, "MS936": GB,
    "UNICODEUTF8": UTF_8, "UTF8": UTF_8, "UNICODE": UTF_8, "ASCII": UTF_8, "USASCII": UTF_8,
    "88591": "latin-1", "ISO88591": "latin-1",
}  # fmt: skip

_DROPPED = str.maketrans("", "", " -_./")


def codec_of(declared: str, default: str) -> str | None:
    """The codec for what MSH-18 says; ``default`` for nothing said; None for a name that nobody here reads.

    ``UNICODE`` alone is UTF-8: UTF-16 cannot be framed, for its bytes hold start and end characters.
    """
    name = declared.translate(_DROPPED).upper()
    return NAMES.get(name) if name else default
