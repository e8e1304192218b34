"""What Prometheus reads: the support metrics, drawn from the records at each scrape, and the ledger's own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.core.statistics import DurationCount, Statistics

FIRST_RESPONSE_BUCKETS = (300, 900, 1800, 3600, 14400, 28800, 86400, 172800)  #: seconds
RESOLUTION_BUCKETS = (3600, 14400, 28800, 86400, 172800, 432000, 864000, 1728000)  #: seconds


def exposition(statistics: Statistics, *, now: datetime) -> bytes:
    """The text a scrape receives. Counts come from the records, so a restart loses nothing."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(statistics, now))
    return generate_latest(registry)


class _Snapshot(Collector):
    """One look at the records."""

    def __init__(self, statistics: Statistics, now: datetime) -> None:
        self._statistics = statistics
        self._now = now

    def collect(self) -> Iterable[Metric]:
        """Every family, in the order of ADR-096, then the ledger's."""
        yield from self._promises()
        yield from self._tickets()
        yield from self._ledger()

    def _promises(self) -> Iterable[Metric]:
        rate = GaugeMetricFamily(
            "support_sla_compliance_rate",
            "Share of ended promises that were kept, 0 to 1",
            labels=["tier", "priority"],
        )
        for (tier, priority), (kept, ended) in self._statistics.promises.items():
            rate.add_metric([tier, priority], kept / ended)
        yield rate
        yield _histogram(
            "support_first_response_time_seconds",
            "Time to first response, wall clock",
            self._statistics.first_replies,
        )
        yield _histogram(
            "support_resolution_time_seconds",
            "Time to resolution, wall clock",
            self._statistics.resolutions,
        )
        yield GaugeMetricFamily(
            "support_csat_score", "Customer satisfaction, 1 to 5; no samples before surveys", labels=["tier"]
        )

    def _tickets(self) -> Iterable[Metric]:
        named = (
            ("support_tickets_created", "Tickets opened so far", self._statistics.created),
            ("support_tickets_resolved", "Tickets solved so far", self._statistics.resolved),
            ("support_tickets_within_sla", "Ended promises that were kept", self._statistics.kept),
            ("support_tickets_total", "Ended promises", self._statistics.ended),
        )
        for name, words, counts in named:
            family = GaugeMetricFamily(name, words, labels=["tier", "priority"])
            for (tier, priority), count in counts.items():
                family.add_metric([tier, priority], count)
            yield family
        tickets = GaugeMetricFamily("support_tickets", "Tickets by state and age", labels=["status", "age"])
        for (status, age), count in self._statistics.by_age.items():
            tickets.add_metric([status, age], count)
        yield tickets

    def _ledger(self) -> Iterable[Metric]:
        depth = GaugeMetricFamily(
            "deskbell_ledger_rows", "Work by queue and state", labels=["queue", "state"]
        )
        for (queue, state), count in self._statistics.depth.items():
            depth.add_metric([queue, state], count)
        yield depth
        oldest = GaugeMetricFamily(
            "deskbell_ledger_oldest_due_seconds", "How long the oldest due row has waited", labels=["queue"]
        )
        for queue, due_at in self._statistics.oldest_due.items():
            oldest.add_metric([queue], max((self._now - due_at).total_seconds(), 0.0))
        yield oldest


def _histogram(name: str, words: str, counts: Iterable[DurationCount]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, words, labels=["tier", "priority"])
    for row in counts:
        buckets = [(str(float(bound)), float(count)) for bound, count in row.at_most]
        buckets.append(("+Inf", float(row.count)))
        family.add_metric([row.tier, row.priority], buckets=buckets, sum_value=row.seconds)
    return family
