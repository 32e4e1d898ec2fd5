"""The fault knobs: what a simulated centre does wrong, to which transaction, message or person, and how often."""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen

STATEMENT_ACTIONS = {
    "wrong-totals": "3201: processed, answered with the other verdict",
    "not-ready": "9102: the result is not ready yet",
    "cut-zip": "9102: the last bytes of the ZIP are missing",
    "bomb": "9102: a ZIP that unpacks to 64 MiB",
    "wrong-columns": "9102: the last line has a column less",
    "wrong-charset": "9102: in UTF-16",
    "foreign-row": "9102: with a row of another institution",
    "wrong-fen": "9102: with a tenth of a fen in the last line",
}
CATALOGUE_ACTIONS = {
    "old-version": "9102: the last line of a catalogue has an older version than the first",
    "changed-meanwhile": "9102: a catalogue with a line more than was announced",
    "no-rows": "9102: a file without a line",
}
ACTIONS = (
    STATEMENT_ACTIONS
    | CATALOGUE_ACTIONS
    | {
        "lose-reply": "processed, then the connection is cut without an answer",
        "drop-before": "not processed, the connection is cut",
        "refuse": "refused by the business layer, with code and text",
        "slow": "processed at once, answered after some seconds",
        "stall": "processed only after some seconds, then answered",
        "garbage": "processed, answered with bytes that are no XML, or with a forged seal",
        "html-200": "processed, answered with a page and status 200",
        "page-504": "processed, answered with a gateway's page and status 504",
        "gateway-401": "not processed, answered with a gateway's JSON",
        "soap-fault": "not processed, answered with a SOAP Fault",
        "cut-mid-reply": "processed, the connection is cut in the middle of the answer",
        "drip": "processed, answered one byte at a time",
        "wrong-namespace": "processed, answered in another namespace",
        "missing-setl_id": "processed, answered without the settlement's number",
        "other-person": "processed, answered with another person's number",
    }
)
ANY = "*"
MAX_KNOBS = 1000


@frozen(slots=True)
class Knob:
    """One fault. ``seconds`` is the delay of slow and stall, and the gap between two bytes of drip."""

    action: str = field()
    seconds: float = 3.0
    code: str = "2079"
    text: str = "待遇享受状态异常，请与经办机构联系"
    times: int = 1  # 0 = always

    @action.validator
    def _known(self, _attribute: object, value: str) -> None:
        if value not in ACTIONS:
            raise ValueError(f"unknown fault {value!r}; known: {', '.join(ACTIONS)}")


class Faults:
    """The knobs that are set. The most particular wins: message, then next, then always, then the person's own."""

    def __init__(self) -> None:
        self._by_message: dict[str, Knob] = {}
        self._next: list[tuple[str, Knob]] = []
        self._always: dict[str, Knob] = {}

    def next(self, call: str, action: str, *, times: int = 1, **how: Any) -> None:
        """For the next ``times`` messages of that transaction ("*": of any). ``ValueError`` for an unknown action."""
        if len(self._next) >= MAX_KNOBS:
            raise ValueError("too many faults are set")
        self._next.append((call, Knob(action, times=times, **how)))

    def always(self, call: str, action: str, **how: Any) -> None:
        """For every message of that transaction until :meth:`clear`."""
        self._always[call] = Knob(action, times=0, **how)

    def message(self, message_id: str, action: str, **how: Any) -> None:
        """For exactly that message."""
        if len(self._by_message) >= MAX_KNOBS:
            raise ValueError("too many faults are set")
        self._by_message[message_id] = Knob(action, **how)

    def clear(self) -> None:
        """No more faults, but for the people's own."""
        self._by_message.clear()
        self._next.clear()
        self._always.clear()

    def take(self, call: str, message_id: str, behaviour: str) -> Knob | None:
        """The fault for this message, used up by this call; None for none."""
        if message_id in self._by_message:
            return self._by_message.pop(message_id)
        for index, (wanted, knob) in enumerate(self._next):
            if wanted in {call, ANY}:
                if knob.times > 1:
                    self._next[index] = (wanted, evolve(knob, times=knob.times - 1))
                else:
                    del self._next[index]
                return knob
        if behaviour:
            return self._always.get(call) or self._always.get(ANY) or Knob(behaviour)
        return self._always.get(call) or self._always.get(ANY)

    def set_from_json(self, wanted: dict[str, Any]) -> None:
        """POST /admin/faults: {"clear": true} or {"call" or "message_id", "action", "times", "seconds", "code", "text"}.

        ``ValueError`` names what is wrong. ``times`` 0 means always.
        """
        given = dict(wanted)
        if given.pop("clear", False):
            self.clear()
            if not given:
                return
        call, message_id = str(given.pop("call", "")), str(given.pop("message_id", ""))
        action, times = str(given.pop("action", "")), given.pop("times", 1)
        how = _how(given)
        if not isinstance(times, int) or isinstance(times, bool) or times < 0:
            raise ValueError("times must be a whole number, 0 for always")
        if message_id:
            self.message(message_id, action, **how)
        elif not call:
            raise ValueError("say call or message_id")
        elif times == 0:
            self.always(call, action, **how)
        else:
            self.next(call, action, times=times, **how)


def _how(given: dict[str, Any]) -> dict[str, Any]:
    """seconds, code and text, checked; nothing else may be left."""
    unknown = set(given) - {"seconds", "code", "text"}
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    for name, value in given.items():
        wanted: tuple[type, ...] = (int, float) if name == "seconds" else (str,)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise ValueError(f"{name} has the wrong type")  # noqa: TRY004 - one kind for every bad knob
    return given
