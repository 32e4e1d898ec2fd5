"""Defects of the desk for disputed identities, to plant."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.patients import MergeState
from middleware.domain.registry import Keep
from middleware.engine import his_quote, registry
from middleware.engine.registry import RegistryDesk
from middleware.store import his_people, links


def the_other_side_is_kept(patch):
    real, other = links.decide, {Keep.FIRST: Keep.SECOND, Keep.SECOND: Keep.FIRST}
    patch.setattr(links, "decide", lambda key, keep, at: real(key, other.get(keep, keep), at))


def what_was_decided_against_stays(patch):
    patch.setattr(links, "_end", lambda connection, ended, touched, at: None)


def a_merge_that_was_decided_against_is_followed(patch):
    decisions = dict.fromkeys(registry.MERGE_DECISIONS, MergeState.FOLLOWED)
    patch.setattr(registry, "MERGE_DECISIONS", decisions)


def one_person_decides_who_is_who(patch):
    real = RegistryDesk._waiting

    async def waiting(self, proposal):
        return evolve(await real(self, proposal), by="somebody")

    patch.setattr(RegistryDesk, "_waiting", waiting)


def two_people_are_one_because_the_his_says_so(patch):
    patch.setattr(his_people, "merge_state", lambda prior, kept: MergeState.FOLLOWED)


def a_dispute_of_two_numbers_is_on_no_list(patch):
    """As it was: one patient's two numbers named two people, bills were refused, and nobody could decide it."""

    async def listed(means, mine, others):
        """Nothing."""

    patch.setattr(his_quote, "_listed", listed)


ALL = (
    a_dispute_of_two_numbers_is_on_no_list,
    the_other_side_is_kept,
    what_was_decided_against_stays,
    a_merge_that_was_decided_against_is_followed,
    one_person_decides_who_is_who,
    two_people_are_one_because_the_his_says_so,
)
