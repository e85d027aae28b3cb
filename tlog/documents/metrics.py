"""What a store of documents counts."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class DocumentMetrics:
    """The metrics of one store; registry: of the server that it is a part of."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "tlog_document_seconds",
            "From a request to the first byte of its answer, without the upload",
            ("operation",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.received_bytes = Counter(
            "tlog_document_received_bytes",
            "Bytes of documents that were stored",
            registry=registry,
        )
        self.sent_bytes = Counter(
            "tlog_document_sent_bytes",
            "Bytes of documents that were sent",
            registry=registry,
        )
        self.scrubbed_bytes = Counter(
            "tlog_document_scrubbed_bytes",
            "Bytes of documents that were read again in the background",
            registry=registry,
        )
        self.pending_bytes = Gauge(
            "tlog_document_pending_bytes",
            "Bytes of documents that wait for their entries",
            registry=registry,
        )
        self.failures = Gauge(
            "tlog_document_failures",
            "How often the bucket of documents could not do its work since the start",
            registry=registry,
        )
        self.tampered = Counter(
            "tlog_tamper_detections",
            "Things that were found changed, by what they are",
            ("kind",),
            registry=registry,
        )
        # There from the start: an alert on it must see zero.
        self.tampered.labels("document")
