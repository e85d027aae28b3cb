"""What a monitor gets from outside: time, counters, and where it writes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tlog.clock import Clock, SystemClock
from tlog.monitor.metrics import MonitorMetrics
from tlogverify.bundles import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The surroundings of one monitor.

    show: takes each alarm as one line.  on_read: is told, while a head is read, how
    many entries are there and how many it has.
    """

    show: Callable[[str], None]
    on_read: Progress
    clock: Clock = field(default_factory=SystemClock)
    metrics: MonitorMetrics = field(default_factory=MonitorMetrics)
