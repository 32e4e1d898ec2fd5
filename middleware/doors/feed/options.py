"""The feed's section of the configuration."""

from __future__ import annotations

from attrs import frozen

from config.section import between, setting


@frozen(slots=True)
class FeedOptions:
    """[feed]: how much the bureau may ask for at once."""

    default_limit: int = setting(100, help="rows of a page when limit is not given", validator=between(1, 1000))
    max_limit: int = setting(1000, help="most rows of a page", validator=between(1, 10000))
    page_bytes: int = setting(
        4 << 20, help="a page ends earlier when its rows are this long together", unit="bytes",
        validator=between(64 << 10, 64 << 20),
    )  # fmt: skip
    deadline_s: float = setting(20.0, help="time to answer a page", unit="seconds", validator=between(0.05, 300))
    in_flight: int = setting(8, help="pages being read at once", validator=between(1, 256))

    def __attrs_post_init__(self) -> None:
        if self.default_limit > self.max_limit:
            raise ValueError("default_limit is more than max_limit")
