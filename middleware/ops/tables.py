"""The one table of metrics: names, labels and their permitted values."""

from __future__ import annotations

from attrs import frozen

from middleware.domain.card import READER_STATES
from middleware.domain.catalogue import CATALOGUES
from middleware.domain.centre import Call
from middleware.domain.fault import FAULTS
from middleware.flow.audit_rules import BY_NAME

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0)
DISK_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

_OUTCOMES = ("ok", "gone", *FAULTS)
_CALLS = tuple(call.value for call in Call)
_ENDS = ("answered", "refused", "not-sent", "unknown")


@frozen(slots=True)
class Metric:
    """One row. ``labels`` is (name, permitted values); no values = open, bounded by MAX_OPEN_VALUES."""

    name: str
    kind: str  # "counter", "gauge", "histogram"
    help: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    buckets: tuple[float, ...] = ()


# fmt: off
METRICS = {row.name: row for row in (
    Metric("api_requests_total", "counter", "Requests at the socket door by method and outcome", (("method", ()), ("outcome", _OUTCOMES))),
    Metric("api_request_duration_seconds", "histogram", "From a line to its answer", (("method", ()),), SECONDS),
    Metric("api_connections", "gauge", "Clients connected to the socket door"),
    Metric("api_in_flight", "gauge", "Requests in flight at the socket door"),
    Metric("settlement_requests_total", "counter", "Requests about money by method and outcome", (("method", ()), ("outcome", _OUTCOMES))),
    Metric("settlement_duration_seconds", "histogram", "From a request about money to its answer", (("method", ()),), SECONDS),
    Metric("settlement_unknown", "gauge", "Settlements whose outcome is not known"),
    Metric("settlement_unknown_oldest_seconds", "gauge", "Age of the oldest of them"),
    Metric("settlement_manual", "gauge", "Settlements that wait for a person"),
    Metric("visit_errands_left", "gauge", "Visits with a registration to take back that waits for a person"),
    Metric("settlement_handed_over_total", "counter", "Settlements that this daemon handed over to a person"),
    Metric("filings_in_doubt", "gauge", "Filings at the centre whose outcome is not known"),
    Metric("settlement_resting", "gauge", "Settlements in doubt whose next step is more than an hour away, as the day's file"),
    Metric("feed_requests_total", "counter", "Requests at the bureau's feed", (("route", ("settlements", "flags", "head")), ("outcome", _OUTCOMES))),
    Metric("feed_rows_total", "counter", "Rows given to the bureau"),
    Metric("reader_state", "gauge", "1 for the state that a reader is in", (("reader", ()), ("state", READER_STATES))),
    Metric("readers", "gauge", "Readers of all kinds in each state", (("state", READER_STATES),)),
    Metric("reader_agents", "gauge", "Reader agents that are connected, and known ones that are away", (("state", ("connected", "away")),)),
    Metric("reader_agent_links_lost", "gauge", "Links to reader agents that were lost since the start"),
    Metric("reader_agent_round_trip_seconds", "gauge", "Longest of the last round trips to the connected reader agents"),
    Metric("card_reads_total", "counter", "Card reads by outcome", (("outcome", _OUTCOMES),)),
    Metric("hl7_messages_total", "counter", "Messages to the HIS and other destinations by type and result", (("destination", ()), ("type", ()), ("result", ()))),
    Metric("centre_calls_total", "counter", "Calls to the centre by transaction and end", (("call", _CALLS), ("outcome", _ENDS))),
    Metric("centre_call_duration_seconds", "histogram", "Time of a call to the centre", (("call", _CALLS),), SECONDS),
    Metric("journal_commit_duration_seconds", "histogram", "Time of one durable commit", (), DISK_SECONDS),
    Metric("journal_batch_rows", "histogram", "Units committed together", (), ROWS),
    Metric("journal_head_sequence", "gauge", "Sequence of the journal's last row"),
    Metric("nodes_living", "gauge", "Nodes that share the database and have a lease, as this one sees them"),
    Metric("node_lease_held", "gauge", "1 while this node may send"),
    Metric("node_rejoined", "gauge", "How often this daemon lost its lease and joined again"),
    Metric("reconcile_runs", "gauge", "Comparisons of a day with the centre since the start, by their end", (("state", ("balanced", "open", "failed")),)),
    Metric("reconcile_differences", "gauge", "Differing rows of the last comparison"),
    Metric("reconcile_open_days", "gauge", "Days that do not balance, of those that are looked back at"),
    Metric("reconcile_last_balanced_timestamp_seconds", "gauge", "When the last day that balances began; 0 = none yet"),
    Metric("catalogue_rows", "gauge", "Rows of a downloaded catalogue that count", (("catalogue", tuple(CATALOGUES)),)),
    Metric("catalogue_age_seconds", "gauge", "Since the centre said last that nothing of the catalogue is newer; -1 = never", (("catalogue", tuple(CATALOGUES)),)),
    Metric("catalogue_loads", "gauge", "Downloads of catalogues since the start, by their end", (("state", ("loaded", "newest", "failed")),)),
    Metric("mobile_notices_total", "counter", "Notices of payment (6302) by outcome: ok, or the fault for which one was not taken", (("outcome", _OUTCOMES),)),
    Metric("hl7_received", "gauge", "Messages of the HIS since the start, by link: taken, repeated, the fault for which one was refused, or dropped", (("link", ()), ("result", ()))),
    Metric("hl7_behind_seconds", "gauge", "Age of the oldest message of the HIS that was taken and is not acted on yet; 0 while none waits"),
    Metric("hl7_connections", "gauge", "Connections to the HL7 door", (("link", ()),)),
    Metric("outbox_depth", "gauge", "Messages that wait for an answer, by destination; his is [his] itself", (("queue", ()),)),
    Metric("audit_flags_unseen", "gauge", "Flags of the card audit that nobody has looked at", (("rule", tuple(BY_NAME)),)),
    Metric("cards_listed", "gauge", "Cards in the current lists of lost and blacklisted cards"),
    Metric("cards_refused", "gauge", "Cards and PSAMs refused by the registers since the start"),
    Metric("link_conflicts", "gauge", "Old media that are disputed and wait for two persons"),
    Metric("clock_ahead_seconds", "gauge", "Seconds by which this clock is ahead of the centre's; 0 before any answer"),
    Metric("clock_limit_seconds", "gauge", "How far it may be, either way, before no money is begun: the gateway's window if less"),
    Metric("reactor_tick_lag_seconds", "histogram", "How late the reactor calls what was due", (), LAG_SECONDS),
    Metric("part_condition", "gauge", "0 good, 1 degraded, 2 down", (("part", ()),)),
    Metric("build_info", "gauge", "1; the version is in the labels", (("version", ()), ("python", ()))),
)}
# fmt: on
