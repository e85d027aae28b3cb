"""The witness: cosigns a log's head if it extends the last one that it cosigned.

All input is judged by tlogverify.  The invariant is that no two inconsistent heads of
one origin are cosigned, in any order of requests, crashes and restarts.  It holds
because a head is durable before its cosignature leaves.

    metrics     what it counts
    settings    of `tlog witness`
    roster      the logs that it knows, and the list they come from
    rules       PURE: whether a head may be cosigned
    budget      how often each log may ask
    state       the newest head of each log, in SQLite: the commit point
    evidence    heads that conflict, kept for strangers
    cosigner    the order of judging, storing and cosigning
    commits     moves of several logs, made durable together
    lists       the list of logs, pulled on an interval
    opening     from settings to a witness
    door        the endpoints of tlog-witness, health and metrics

Source: C2SP tlog-witness, tlog-cosignature.
"""
