"""``run.py simulate``."""

from __future__ import annotations

import sys

import click

from daemon.simulate.dials import HOURS, PROFILES


def _seeds(_context: click.Context, _parameter: click.Parameter, value: str) -> range:
    from daemon.simulate.run import seeds_of

    try:
        return seeds_of(value)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from None


def _off(_context: click.Context, _parameter: click.Parameter, value: str) -> frozenset[str]:
    from daemon.simulate.run import off_of

    try:
        return off_of(value)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from None


@click.command()
@click.option("--seeds", default="1..100", show_default=True, callback=_seeds, help="A or A..B, both included")
@click.option("--hours", type=click.FloatRange(0.1, 72), default=HOURS, show_default=True, help="of faults, in each seed")
@click.option("--profile", type=click.Choice(list(PROFILES)), default="hostile", show_default=True, help="what goes wrong")
@click.option("--without", "off", default="", callback=_off, help="dials that stay off, as a failing seed prints them")
@click.option("--jobs", type=click.IntRange(0, 64), default=0, help="processes; 0: as many as there are processors")
@click.option("--verbose", is_flag=True, help="list the transitions that no seed went through")
def simulate(seeds: range, hours: float, profile: str, off: frozenset[str], jobs: int, *, verbose: bool) -> None:
    """Play seeded hostile days against the real engine and store; exit 1 when an invariant was broken."""
    from daemon.simulate.run import Plan, run

    sys.exit(run(Plan(seeds, profile, hours, off, jobs, verbose)))
