"""Why something did not go on, as a visit's state keeps it."""

from __future__ import annotations

from attrs import frozen


@frozen(slots=True)
class Trouble:
    """Why the last step did not go on: a code of the fault table, our detail, and a stranger's words as a quotation."""

    code: str
    detail: str = ""
    foreign: str = ""
