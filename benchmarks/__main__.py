"""``python -m benchmarks [--quick] [--only PART] [--directory DIR]``: one run, one machine, one report.

Exit codes: 0 measured; 1 a part could not be measured, or something was refused that should have been done.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from attrs import frozen

from benchmarks import card, disk, in_flight, settlements
from benchmarks.hospital import BrokenError, Hospital
from benchmarks.hotspots import table
from benchmarks.journal import CALLERS
from benchmarks.machine import median
from benchmarks.settlements import CORES, LEVELS, Phase
from simulators.pcscd import PcscdUnavailableError
from simulators.stage import ROOT

PHASES = {
    "register": "card.read + patient.register",
    "settle": "(a) settlement.quote + settlement.settle, the visit registered before",
    "visit": "(b) whole visits: card.read, register, quote, settle",
}
DURABILITY_CLIENTS = 8
OURS = ("daemon", "centre", "his", "cards", "pcscd", "generator")


@frozen(slots=True)
class Scale:
    """How long to look at each thing; seconds."""

    disk_s: float = 18.0
    journal_s: float = 24.0
    card_s: float = 8.0
    load_s: float = 8.0
    profile_s: float = 8.0
    mllp_s: float = 2.0
    levels: tuple[int, ...] = LEVELS
    turns: int = 3
    in_flight: int = 10_000
    endurance: int = 30_000
    catalogue_rows: int = 200_000
    centre_s: float = 30.0
    centre_calls: int = 500
    centre_slow_s: float = 2.0


QUICK = Scale(
    centre_s=1.5,
    centre_calls=16,
    centre_slow_s=0.3,
    mllp_s=0.4,
    disk_s=0.9,
    journal_s=1.2,
    card_s=0.8,
    load_s=0.8,
    profile_s=1.0,
    levels=(8,),
    turns=1,
    in_flight=200,
    endurance=400,
    catalogue_rows=2_000,
)


def journal_part(folder: Path, scale: Scale) -> None:
    """Commits against the disk's own limit: of this disk, and of one whose every flush takes its time; both databases."""
    print("\njournal: one unit = visit (2 KB), chained row, settlement row, intent; durable before it is answered")
    _journal_on_server(_journal_on(folder, scale, "the disk", {}), scale)
    slow = disk.slow_flush(folder)
    if slow is None:
        raise BrokenError("no C compiler to make flushes slow with")
    _journal_on(folder, scale, f"the same disk with {disk.FLUSH_US} us more a flush", slow)


def _journal_on_server(embedded: list[dict[str, float]], scale: Scale) -> None:
    rows = _json_of(["benchmarks.journal", "postgresql", str(scale.journal_s / 2), *map(str, CALLERS)], scale.journal_s, {})
    print("  PostgreSQL on the same machine, by a Unix socket, fsync and synchronous_commit on")
    print("  callers   units/s   a batch   p50 ms   p99 ms   CPU us   /SQLite's row above")
    for row, other in zip(rows, embedded, strict=True):
        print(
            f"  {row['callers']:7.0f}{row['commits_per_s']:10,.0f}{row['units_per_batch']:10.1f}{row['p50_ms']:9.2f}"
            f"{row['p99_ms']:9.2f}{row['cpu_us']:9.0f}{row['commits_per_s'] / other['commits_per_s']:22.2f}"
        )


def _journal_on(folder: Path, scale: Scale, what: str, environment: dict[str, str]) -> list[dict[str, float]]:
    place = folder / f"journal-{len(environment)}"
    place.mkdir()
    limits = _json_of(["benchmarks.disk", str(place), str(scale.disk_s / 2)], scale.disk_s, environment)
    rows = _json_of(
        ["benchmarks.journal", str(place), str(scale.journal_s / 2), *map(str, CALLERS)], scale.journal_s, environment
    )
    plain, single, many = limits["fdatasync_per_s"], limits["sqlite_commits_per_s"], limits["sqlite_rows_per_s"]
    print(f"  {what}: write 1 KB + fdatasync {plain:,.0f}/s; SQLite WAL FULL {single:,.0f} commits/s")
    print(f"  of one row, {many:,.0f} rows/s at a hundred rows a commit")
    print("  callers   units/s   a batch   p50 ms   p99 ms   CPU us   /fdatasync  /SQLite commit  /SQLite rows")
    for row in rows:
        rate = row["commits_per_s"]
        print(
            f"  {row['callers']:7.0f}{rate:10,.0f}{row['units_per_batch']:10.1f}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}"
            f"{row['cpu_us']:9.0f}{rate / plain:13.2f}{rate / single:16.2f}{rate / many:14.2f}"
        )
    return cast(list[dict[str, float]], rows)


def _json_of(arguments: list[str], seconds: float, environment: dict[str, str]) -> Any:
    """What that module prints, run as a process of its own."""
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=seconds + 120, env=dict(os.environ) | environment
    )
    return json.loads(done.stdout)


def sealing_part(folder: Path, scale: Scale) -> None:
    """What it costs that personal data is encrypted."""
    place = folder / "sealing"
    place.mkdir(parents=True, exist_ok=True)
    seconds = scale.journal_s / 4
    print("\nsealing: one unit = person, bill, visit; batches of eight; the vault's time of the whole durable commit")
    for row in _json_of(["benchmarks.sealing", str(place), str(seconds)], seconds, {}):
        print(
            f"  {row['algorithm']:12} {row['us_a_value']:6.1f} us a value, {row['values_a_commit']:.0f} values a unit:"
            f" {row['share']:.1%} of a commit at {row['commits_per_s']:,.0f} units/s"
        )


def card_part(_folder: Path, scale: Scale) -> None:
    """Exchanges and reads through a real pcscd."""
    figures = card.run(scale.card_s)
    print("\ncard: through a real pcscd to a virtual reader, the card in a process of its own")
    print(
        f"  {figures['apdu_per_s']:,.0f} APDU/s (p50 {figures['apdu_p50_us']:.0f} us, p99 {figures['apdu_p99_us']:.0f} us)"
    )
    print(
        f"  a whole basic read {figures['read_ms']:.2f} ms, {figures['exchanges_per_read']:.0f} exchanges;"
        f" {figures['read_over_exchanges']:.2f} times its bare exchanges"
    )
    row = _json_of(["benchmarks.readers", str(scale.card_s)], scale.card_s, {})
    print(
        f"  {row['readers']} readers at once, cards that take 5 ms for an answer: a read alone {row['alone_ms']:.0f} ms,"
        f" the slowest of all {row['slowest_of_all_ms']:.0f} ms, {row['slowest_over_alone']:.2f} times that"
    )
    print(
        f"  card in to identity, {row['cards_in']} cards, 16 at a time: p50 {row['identity_p50_ms']:.0f} ms,"
        f" p99 {row['identity_p99_ms']:.0f} ms; noticed after {row['noticed_p50_ms']:.0f} / {row['noticed_p99_ms']:.0f} ms,"
        f" read in {row['read_p50_ms']:.0f} / {row['read_p99_ms']:.0f} ms"
    )


def remote_part(_folder: Path, scale: Scale) -> None:
    """Reads through a reader agent on loopback."""
    row = _json_of(["benchmarks.remote", str(scale.card_s)], scale.card_s, {})
    print("\nremote: the same card read here and through a reader agent on loopback, TLS on both sides, a process each")
    for name, what in (
        ("local", "here"),
        ("guessed", "through the agent, as card.read does: one round trip for a card of a known kind"),
        ("stepwise", "through the agent, command by command"),
    ):
        p50, p99, ratio = row[f"{name}_read_p50_ms"], row[f"{name}_read_p99_ms"], row["local_read_p50_ms"]
        print(
            f"  {row[f'{name}_exchanges_per_s']:8,.0f} exchanges/s, a read {p50:.2f} / {p99:.2f} ms,"
            f" {ratio / p50:.0%} of the local pace: {what}"
        )


def mllp_part(folder: Path, scale: Scale) -> None:
    """Our HL7 door beside other servers."""
    place = folder / "mllp"
    place.mkdir()
    levels = [str(level) for level in ((1, 8, 64) if scale.turns > 1 else scale.levels)]
    rows = _json_of(["benchmarks.mllp", str(place), str(scale.mllp_s), *levels], 300, {})
    echo = {row["connections"]: row["messages_per_s"] for row in rows if "echo" in row["server"]}
    print("\nmllp: ADT^A04 of 1 KB, one in flight a connection; only our door is durable before it answers")
    print("  server                connections   messages/s   p50 ms   p99 ms   CPU us   /bare echo")
    for row in rows:
        rate, level = row["messages_per_s"], row["connections"]
        print(
            f"  {row['server']:22}{level:11.0f}{rate:13,.0f}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}{row['cpu_us']:9.0f}"
            f"{rate / echo[level]:13.2f}"
        )


def load_part(folder: Path, scale: Scale) -> None:
    """Settlements end to end."""
    print(f"\nsettlements: daemon, centre, HIS, cards, generator: a process each, {CORES} cores for all of them together")
    print(
        "  the centre is instant; CPU is per one finished, until the HIS knows of it too; the bound is what that CPU allows"
    )
    levels = [settlements.run(folder / f"load-{clients}", scale.load_s, clients) for clients in scale.levels]
    for place, title in enumerate(PHASES.values()):
        print(f"\n  {title}")
        _phases([phases[place] for phases in levels])
    _against_least(folder, scale, [phases[1] for phases in levels])
    faults = {code: count for phases in levels for phase in phases for code, count in phase.faults.items()}
    if faults:
        raise BrokenError(f"the daemon refused what it should have done: {faults}")


def _against_least(folder: Path, scale: Scale, phases: list[Phase]) -> None:
    """The daemon's CPU for a quote and settle over the sum of its bare parts, measured here and now."""
    place = folder / "irreducible"
    place.mkdir(exist_ok=True)
    bare = _json_of(["benchmarks.irreducible", str(place), str(scale.load_s)], scale.load_s, {})
    parts = "; ".join(f"{name} {taken:.3f}" for name, taken in bare.items())
    print(f"\n  bare parts of (a), CPU ms, of four calls, eight units, eleven hops, a letter, two requests: {parts}")
    ratios = "; ".join(f"{phase.clients} clients {phase.cpu_ms('daemon') / bare['whole']:.2f}" for phase in phases)
    print(f"  the daemon's CPU over that: {ratios}")


def durability_part(folder: Path, scale: Scale) -> None:
    """Settlements with the journal and without: what the promise costs. In turns, so that a neighbour's burst hits both."""
    wrappers = {"on": ("run.py",), "off": ("-m", "benchmarks.unjournalled")}
    phases: dict[str, list[Phase]] = {name: [] for name in wrappers}
    for turn in range(scale.turns):
        for name, wrapper in wrappers.items():
            found = settlements.settles(folder / f"durability-{name}-{turn}", scale.load_s, DURABILITY_CLIENTS, wrapper)
            phases[name].append(found)
    rates = {name: median([phase.delivered for phase in found]) for name, found in phases.items()}
    costs = {name: median([phase.cpu_ms("daemon") for phase in found]) for name, found in phases.items()}
    print(
        f"\ndurability: quote + settle, {DURABILITY_CLIENTS} clients, until the HIS knows; off = no journal, chain or flush"
    )
    print(
        f"  medians of {scale.turns} turns: on {rates['on']:.1f}/s, off {rates['off']:.1f}/s;"
        f" on is {rates['on'] / rates['off']:.0%} of off"
    )
    share = costs["off"] / costs["on"]
    print(f"  daemon CPU each: on {costs['on']:.2f} ms, off {costs['off']:.2f} ms: off is {share:.0%} of on")


def recovery_part(folder: Path, scale: Scale) -> None:
    """A start that finds calls in flight, against a start that finds nothing."""
    seconds = {}
    for number in (0, scale.in_flight):
        fill = (str(number), "SettleSent") if number else ()
        with Hospital(folder / f"recovery-{number}", readers=2, fill=fill) as hospital:
            seconds[number] = hospital.ready_s
    whole, idle = seconds[scale.in_flight], seconds[0]
    print(
        f"\nrecovery: a killed daemon's {scale.in_flight:,} settlements in flight, each marked unknown before a door opens"
    )
    print(f"  start to open doors {whole:.2f} s, with an empty database {idle:.2f} s: {whole - idle:.2f} s for them,")
    print(f"  {scale.in_flight / max(whole - idle, 1e-9):,.0f} a second")


def endurance_part(folder: Path, scale: Scale) -> None:
    """Memory of engine, journal and store while they settle for long: it grows until the caches are full, then no more."""
    place = folder / "endurance"
    place.mkdir()
    command = [sys.executable, "-m", "benchmarks.endurance", str(place), str(scale.endurance)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=120 + scale.endurance / 10)
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    print("\nendurance: engine, journal, vault and store with edges that answer at once; what the process keeps in memory")
    print("  settlements   resident MB   a second   database MB")
    for look in looks:
        resident = look["resident_kb"] / 1024
        print(f"  {look['settlements']:11,}{resident:14.1f}{look['per_s']:11.0f}{look['database_mb']:14,}")


def catalogue_part(folder: Path, scale: Scale) -> None:
    """A catalogue's file written, a newer version over it, and a quote's look-up; both databases."""
    print(f"\ncatalogue: {scale.catalogue_rows:,} rows of 92 columns written, then a newer tenth; five codes a look-up")
    print("  database       rows/s  CPU us  part p99 ms   newer rows/s   look-up p50 / p99 ms   after the newer")
    sizes = [str(scale.catalogue_rows), str(scale.catalogue_rows // 40)]
    for name, where in (("SQLite", str(folder)), ("PostgreSQL", "postgresql")):
        found = _json_of(["benchmarks.catalogue", where, *sizes], scale.catalogue_rows / 500, {})
        whole, newer, looks, after = (found[one] for one in ("whole", "newer", "look_up", "look_up_after"))
        print(
            f"  {name:11}{whole['rows_per_s']:10,.0f}{whole['cpu_us']:8.1f}{whole['p99_ms']:13.1f}"
            f"{newer['rows_per_s']:15,.0f}{looks['p50_ms']:16.2f} / {looks['p99_ms']:.2f}"
            f"{after['p50_ms']:14.2f} / {after['p99_ms']:.2f}"
        )


def _phases(phases: list[Phase]) -> None:
    heads = "".join(f"{name:>10}" for name in OURS)
    print(f"  clients      /s  HIS told/s   bound  of bound |  CPU ms:{heads} | daemon/centre  strangers")
    for phase in phases:
        cpu = "".join(f"{phase.cpu_ms(name):10.2f}" for name in OURS)
        rates = f"{phase.rate:8.1f}{phase.delivered:12.1f}{phase.bound:8.1f}{phase.delivered / phase.bound:10.0%}"
        ratio = phase.cpu_ms("daemon") / phase.cpu_ms("centre")
        print(f"  {phase.clients:7d}{rates} |         {cpu} |{ratio:14.1f}{phase.strangers:11.0%}")
    for phase in phases:
        times = "; ".join(f"{name} {m['p50_ms']:.1f} / {m['p99_ms']:.1f}" for name, m in phase.methods.items())
        print(f"  p50 / p99 ms at {phase.clients:2d}: {times}")


def centre_part(folder: Path, scale: Scale) -> None:
    """A call to the centre by style, and hundreds of them that wait."""
    print("\ncentre: one call (2207) checked, written, posted, read, judged: our CPU, and that of the libraries underneath")
    print("  style              bytes   ours ms   libraries ms   ratio")
    command = [sys.executable, "-m", "benchmarks.centre_calls", str(scale.centre_s)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=120 + scale.centre_s * 2)
    *styles, slow = map(json.loads, done.stdout.splitlines())
    for row in styles:
        print(f"  {row['style']:17}{row['bytes']:7}{row['ours']:10.3f}{row['bare']:15.3f}{row['ratio']:8.1f}")
    rate, waiting, cost = slow["rate"], slow["in_flight"], slow["ours"]
    print(f"  {rate:.0f} calls/s to a centre that takes 50 ms, {waiting} in flight: {cost:.2f} ms of CPU each")
    found = in_flight.run(folder / "in-flight", scale.centre_calls, scale.centre_slow_s)
    if found.faults:
        raise BrokenError(f"the daemon refused what it should have done: {found.faults}")
    print(f"  {found.peak} settlements at once, a centre that takes {scale.centre_slow_s:g} s; system.status,")
    print("  p50 / p99 ms (and p99 of what the daemon computed meanwhile):")
    phases = {"before": found.before, "sending": found.sending, "all wait": found.waiting, "answers come": found.answering}
    print("  " + "; ".join(f"{what} {took.p50:.1f} / {took.p99:.1f} ({took.p99_cpu:.1f})" for what, took in phases.items()))


def profile_part(folder: Path, scale: Scale) -> None:
    """Where the daemon's time goes."""
    plain, threads = settlements.by_thread(folder / "profile", scale.profile_s, 8)
    phase, found = settlements.profile(folder / "profile", scale.profile_s, 8)
    cost, slower = plain.cpu_ms("daemon"), phase.cpu_ms("daemon") / plain.cpu_ms("daemon")
    print(f"\nprofile: whole visits, 8 clients; {cost:.1f} ms of the daemon's CPU each, and {slower:.1f} times that")
    print("  under cProfile, which makes small calls look dear: its shares are a hint, not a measure\n")
    print("\n".join(table(found, threads)))


PARTS: dict[str, Callable[[Path, Scale], None]] = {
    "journal": journal_part,
    "sealing": sealing_part,
    "card": card_part,
    "remote": remote_part,
    "mllp": mllp_part,
    "centre": centre_part,
    "settlements": load_part,
    "durability": durability_part,
    "recovery": recovery_part,
    "endurance": endurance_part,
    "catalogue": catalogue_part,
    "profile": profile_part,
}


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="look at each thing only for a moment: about 20 seconds")
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="this part only; may be given again")
    parser.add_argument("--directory", type=Path, default=Path(".run/bench"), help="where its files go: the disk measured")
    given = parser.parse_args()
    scale = QUICK if given.quick else Scale()
    shutil.rmtree(given.directory, ignore_errors=True)
    given.directory.mkdir(parents=True)
    status = 0
    for name, part in PARTS.items():
        if given.only and name not in given.only:
            continue
        try:
            part(given.directory, scale)
        except (PcscdUnavailableError, BrokenError) as exc:
            status = 1
            print(f"\n{name}: NOT MEASURED: {exc}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
