"""The witness: cosigns a log's head if it extends the last one that it cosigned.

Whatever comes in is judged by tlogverify.  The invariant: of one origin, no two heads
are cosigned that are not consistent, whatever the order of requests, crashes and
restarts.  It holds because a head is durable before its cosignature leaves.

    settings    of `tlog witness`
    roster      the logs that it knows, and the list they come from
    rules       PURE: may this head be cosigned?
    budget      how often each log may ask
    state       the newest head of each log, in SQLite: the commit point
    evidence    heads that conflict, kept for strangers
    cosigner    the order of it all
    commits     moves of several logs, made durable together
    lists       the list of logs, pulled on an interval
    opening     from settings to a witness
    door        the endpoints of tlog-witness, health and metrics

Source: C2SP tlog-witness, tlog-cosignature.
"""
