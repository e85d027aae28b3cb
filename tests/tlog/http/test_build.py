"""Every door tells in its metrics what runs behind it."""

from tlog import __version__, hashing
from tlog.http.listener import new_app
from tlog.http.problems import SHARED_ROWS
from tlog.log.metrics import LogMetrics
from tlog.metrics import Metrics
from tlog.monitor.metrics import MonitorMetrics
from tlog.witness.metrics import WitnessMetrics


def test_an_application_tells_version_and_hash_backend_once() -> None:
    expected = (
        f'tlog_build{{hash_backend="{hashing.backend()}",version="{__version__}"}} 1.0'
    )
    for kind in (Metrics, LogMetrics, WitnessMetrics, MonitorMetrics):
        metrics = kind()
        assert expected.encode() not in metrics.render()
        new_app([], metrics, rows=SHARED_ROWS)
        assert 1 == metrics.render().count(expected.encode())
