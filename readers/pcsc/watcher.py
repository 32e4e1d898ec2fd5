"""One thread that knows which readers there are and what is in them, and survives the card service.

pyscard's own monitors die silently with pcscd (pyscard #82), so this supervises ``SCardGetStatusChange`` itself: every
wait is bounded, every failure closes the context, is told, and is tried again after a pause.
"""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable

from middleware.domain.fault import Fault
from readers.pcsc.api import Load, PcscContext, SlotState
from readers.pcsc.naming import Namer
from readers.pcsc.options import PcscOptions
from readers.pcsc.tables import STATE_UNAWARE
from readers.sight import Sight, View

MAX_READERS = 64  # PC/SC services stop far earlier (pcsc-lite at 16)


class ReaderWatcher:
    """Calls ``report`` from its own thread at each change of the view, and ``ended`` when the thread ends.

    ``beat`` is when (``seconds``) it last heard the service: old means that the service hangs.
    """

    def __init__(
        self,
        options: PcscOptions,
        load: Load,
        seconds: Callable[[], float],
        report: Callable[[View], None],
        ended: Callable[[], None],
    ) -> None:
        self._options = options
        self._load = load
        self._seconds = seconds
        self._report = report
        self._ended = ended
        self._stop = threading.Event()
        self._told: View | None = None
        self.beat = seconds()
        self._thread = threading.Thread(target=self._run, name="pcsc-watcher", daemon=True)

    def start(self) -> None:
        """Begin watching."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end: it does within one poll interval, unless the service hangs."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                context = PcscContext(self._load)
                try:
                    self._watch(context)
                finally:
                    context.release()
            except Fault as fault:
                self.beat = self._seconds()
                self._tell(View(fault=fault.code, detail=fault.detail))
                self._stop.wait(self._options.retry_s)
        self._ended()

    def _watch(self, context: PcscContext) -> None:
        timeout_ms = int(self._options.poll_interval_s * 1000)
        seen: dict[str, SlotState] = {}
        namer = Namer(self._load)
        while not self._stop.is_set():
            self.beat = self._seconds()
            names = [name for name in context.readers() if not self._ignored(name)][:MAX_READERS]
            if not names:
                self._tell(View())
            known = {name: seen[name].raw if name in seen else STATE_UNAWARE for name in names}
            states = context.wait(known, timeout_ms)
            if names and not states:  # one of them went while we asked: look at the list again
                self._stop.wait(0.01)
                continue
            seen = {name: state for name, state in states.items() if not state.gone}
            if names:
                own = namer.names(seen)
                self._tell(View(tuple(_sight(own[name], name, state) for name, state in sorted(seen.items()))))

    def _tell(self, view: View) -> None:
        if view != self._told:
            self._told = view
            self._report(view)

    def _ignored(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._options.ignore)


def _sight(name: str, address: str, state: SlotState) -> Sight:
    return Sight(name, state.present, state.mute, state.events, "" if address == name else address)
