"""The gate: answers whether an artifact may be deployed, from documents that are here.

Rules are judged by `tlog.rules` alone.  The invariant is that nobody waits beyond the
deadline: when it comes there is an answer, which says that nothing was decided, and no
cache keeps it.

    images              PURE: image references as Kubernetes spells them
    lines               PURE: one line of ASCII, and how long it may be
    reviews             PURE: an AdmissionReview taken apart
    answering           PURE: the answer to one
    decisions           PURE: what was decided, and the closed set of reasons
    cache               verdicts, as long as each may live
    manifest            PURE: all that a cluster needs to ask a gate
    yaml                PURE: values as YAML
    settings  metrics   of `tlog gate`; what it counts
    beliefs             rules and trust, read again when their files change
    links               the client of a log, by the policy that is believed now
    folders             documents in a folder, by the artifacts that they name
    sources             documents of a log and of a registry
    following           documents of a log by a monitor's state, without the log
    bundles             Sigstore bundles that a log makes for GitHub's clients
    deciding            sources in the order of cost, one deadline
    breaking            break-glass: on record before it is allowed, or spooled
    summing             verdicts as signed verification summaries
    certificates        TLS whose certificate changes without a restart
    opening             from settings to a gate
    admitting           an AdmissionReview to its answer
    door  status        HTTP; a page for people
    clusters            which images run in a cluster
    coverage            which artifacts have provenance, and which have none

Source: Kubernetes admission.k8s.io/v1; SLSA v1.0, VSA.
"""
