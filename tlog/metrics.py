"""Counters for Prometheus.  Derived, and never a part of a decision."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric

_REQUESTS: Final = ("tlog_requests", "HTTP requests answered", ("route", "status"))

# Of the gauges, what several processes have together is the sum of what each has.
_SHARED_GAUGES: Final = frozenset(
    {
        "tlog_event_listeners",
        "tlog_waiting_checks",
        "tlog_queue_entries",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
    }
)


_Labels = tuple[tuple[str, str], ...]


class Counted(NamedTuple):
    """A sample that is added to that of other processes.

    is_kept: it never shrinks, and counts after its process has ended.
    """

    family: str
    name: str
    labels: _Labels
    value: float
    is_kept: bool


class Metrics:
    """What every server counts; each instance has a registry of its own.

    others: returns what other processes of the same role have counted.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._counter = partial(Counter, registry=registry)
        self._gauge = partial(Gauge, registry=registry)
        self._histogram = partial(Histogram, registry=registry)
        self.others: Callable[[], Iterable[Counted]] | None = None
        self.requests = self._counter(*_REQUESTS)
        self.hash_backend_faults = self._counter(
            "tlog_hash_backend_faults",
            "Hashing kernels that failed their self-test; hashlib has their place",
            ("backend",),
        )
        self.build = self._gauge(
            "tlog_build", "1; what runs here", ("version", "hash_backend")
        )

    def leave_requests_to(self, others: Callable[[], Iterable[Counted]]) -> None:
        """Add what others have counted; requests are theirs alone."""
        self.others = others
        self.requests = Counter(*_REQUESTS, registry=None)

    def counted(self) -> list[Counted]:
        """Return what is to be added to that of other processes."""
        return [
            Counted(family.name, it.name, tuple(it.labels.items()), it.value, is_kept)
            for family in self._registry.collect()
            if (is_kept := family.type in {"counter", "histogram"})
            or family.name in _SHARED_GAUGES
            for it in family.samples
        ]

    def collect(self) -> list[Metric]:
        """Return all metrics, with what others have counted."""
        families = list(self._registry.collect())
        if self.others is None:
            return families
        by_family: dict[str, list[Counted]] = {}
        for it in self.others():
            by_family.setdefault(it.family, []).append(it)
        return [_added(it, by_family.get(it.name, ())) for it in families]

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and the value of each sample that has this name now."""
        return [
            (dict(it.labels), it.value)
            for family in self.collect()
            for it in family.samples
            if it.name == name
        ]

    def render(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self)


def _added(family: Metric, others: Iterable[Counted]) -> Metric:
    """Return a family with the samples of others added to its own."""
    all_of_it = Metric(family.name, family.documentation, family.type, family.unit)
    values: dict[tuple[str, _Labels], float] = {}
    for it in family.samples:
        values[it.name, tuple(it.labels.items())] = it.value
    for other in others:
        place = other.name, other.labels
        known = values.get(place)
        values[place] = other.value if known is None else _summed(other, known)
    for (name, labels), value in values.items():
        all_of_it.add_sample(name, dict(labels), value)
    return all_of_it


def sums_of(counted: Iterable[Counted]) -> list[Counted]:
    """Return one sample for each name and labels, with the sum of all."""
    sums: dict[tuple[str, _Labels], Counted] = {}
    for it in counted:
        before = sums.get((it.name, it.labels))
        value = it.value if before is None else _summed(it, before.value)
        sums[it.name, it.labels] = it._replace(value=value)
    return list(sums.values())


def _summed(counted: Counted, known: float) -> float:
    """Return two values as one: when something was first counted is the earlier."""
    if counted.name.endswith("_created"):
        return min(counted.value, known)
    return counted.value + known
