"""What several processes have counted, as one sum."""

from tlog.log.metrics import LogMetrics
from tlog.metrics import Counted, sums_of


def test_counters_are_added_and_what_is_of_one_process_is_not() -> None:
    leader, fronts = LogMetrics(), [LogMetrics(), LogMetrics()]
    leader.tree_size.set(7)
    leader.requests.labels("/x", "200").inc(100)
    for number, front in enumerate(fronts, 1):
        front.tree_size.set(50)
        front.requests.labels("/x", "200").inc(number)
        front.event_listeners.set(number)
        front.commit_seconds.observe(0.5)
    leader.leave_requests_to(lambda: [*fronts[0].counted(), *fronts[1].counted()])
    # It answers nobody but them.
    leader.requests.labels("/x", "200").inc(100)
    assert [({"route": "/x", "status": "200"}, 103)] == leader.samples(
        "tlog_requests_total"
    )
    assert [({}, 7)] == leader.samples("tlog_tree_size")
    assert [({}, 3)] == leader.samples("tlog_event_listeners")
    assert [({}, 2)] == leader.samples("tlog_commit_seconds_count")
    assert b'tlog_requests_total{route="/x",status="200"} 103.0\n' in leader.render()


def test_what_was_counted_first_is_the_earlier_time() -> None:
    labels = (("a", "b"),)
    counted = [
        Counted("x", name, labels, value, True)
        for name, value in (("x_total", 2), ("x_created", 50), ("x_total", 3))
    ]
    counted.append(Counted("x", "x_created", labels, 40, True))
    assert {"x_total": 5, "x_created": 40} == {
        it.name: it.value for it in sums_of(counted)
    }
