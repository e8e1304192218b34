"""What Prometheus reads: the support metrics, drawn from the records at each scrape, and the ledger's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.core.statistics import DurationCount, OnCallReport, Statistics

FIRST_RESPONSE_BUCKETS = (300, 900, 1800, 3600, 14400, 28800, 86400, 172800)  #: seconds
RESOLUTION_BUCKETS = (3600, 14400, 28800, 86400, 172800, 432000, 864000, 1728000)  #: seconds


def exposition(statistics: Statistics, on_call: OnCallReport | None = None, *, now: datetime) -> bytes:
    """The text a scrape receives. Counts come from the records, so a restart loses nothing."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(statistics, now))
    if on_call is not None:
        registry.register(_OnCall(on_call))
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
        alerts = GaugeMetricFamily(
            "deskbell_alerts",
            "Escalations so far, by where and what became of them",
            labels=["destination", "state"],
        )
        for (destination, state), count in self._statistics.alerts.items():
            alerts.add_metric([destination or "room", state], count)
        yield alerts
        yield from self._audit()

    def _audit(self) -> Iterable[Metric]:
        audit = self._statistics.audit
        passed = GaugeMetricFamily(
            "deskbell_audit_passed_timestamp_seconds", "When an audit of the promises last passed, or never"
        )
        if audit.passed_at:
            passed.add_metric([], audit.passed_at.timestamp())
        yield passed
        yield GaugeMetricFamily(
            "deskbell_audit_flaws", "What the last audit of the promises found wrong", value=len(audit.flaws)
        )


class _OnCall(Collector):
    """Who is on call, and how good what we know about it is."""

    def __init__(self, report: OnCallReport) -> None:
        self._report = report

    def collect(self) -> Iterable[Metric]:
        """Gaps that come, and copies that grow old."""
        report = self._report
        yield _by_role("deskbell_oncall_people", "People on call, without the fallback", report.people)
        gaps = {role: span.total_seconds() for role, span in report.gap_in.items()}
        yield _by_role("deskbell_oncall_gap_in_seconds", "Until nobody is on call; none within 30 days", gaps)
        age = GaugeMetricFamily(
            "deskbell_rota_age_seconds", "Since a live rota was last read", labels=["role", "source"]
        )
        for labels, span in report.age.items():
            age.add_metric(labels, span.total_seconds())
        yield age
        failures = GaugeMetricFamily(
            "deskbell_rota_failures", "Failed readings of a live rota in a row", labels=["role", "source"]
        )
        for labels, count in report.failures.items():
            failures.add_metric(labels, count)
        yield failures


def _by_role(name: str, words: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=["role"])
    for role, value in values.items():
        family.add_metric([role], value)
    return family


def _histogram(name: str, words: str, counts: Iterable[DurationCount]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, words, labels=["tier", "priority"])
    for row in counts:
        buckets = [(str(float(bound)), float(count)) for bound, count in row.at_most]
        buckets.append(("+Inf", float(row.count)))
        family.add_metric([row.tier, row.priority], buckets=buckets, sum_value=row.seconds)
    return family
