"""What the documents of one log have, and what they lack for which client.

Counted is what clients ask when the log is used: now, or from its start on.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from tlog.sigstore.instance import LogInstance
from tlog.sigstore.neighbours import Document, Neighbours
from tlog.sigstore.validity import is_asked, parse_time

_TO_SIGN: Final = ("ca_urls", "oidc_urls", "tsa_urls")
_TO_TRUST: Final = ("logs", "authorities", "ctlogs", "timestamp_authorities")


def moment_of_use(start: str, now_ns: int) -> int:
    """Return now, or the log's start if that is later."""
    return max(now_ns, parse_time("the start", start))


def count_neighbours(neighbours: Neighbours, moment_ns: int) -> dict[str, int]:
    """Return how many of each kind clients use at that moment, by field."""
    counts = {name: len(getattr(neighbours, name)) for name in _TO_TRUST}
    for name in _TO_SIGN:
        services: tuple[Document, ...] = getattr(neighbours, name)
        counts[name] = sum(is_asked(it, moment_ns) for it in services)
    return counts


def name_gaps(log: LogInstance, neighbours: Neighbours, now_ns: int) -> Iterator[str]:
    """Return what is missing, and for whom, a line each."""
    moment_ns = moment_of_use(log.start, now_ns)
    if moment_ns > now_ns:
        yield f"the log is used from {log.start} on: before that no client uses it"
    for name in _TO_SIGN:
        for item in getattr(neighbours, name):
            if not is_asked(item, moment_ns):
                yield (
                    f"not asked: {item['url']} (its validity is over or not begun, or "
                    "its API version is not 1)"
                )
    yield from _missing(count_neighbours(neighbours, moment_ns))


def _missing(counts: Mapping[str, int]) -> Iterator[str]:
    if not counts["ca_urls"]:
        yield (
            "no Fulcio to sign with: sigstore-python and sigstore-js cannot sign with "
            "this; cosign with a key can"
        )
    if not counts["authorities"]:
        yield "no Fulcio to trust: signatures with certificates are not verified"
    if not counts["ctlogs"]:
        yield (
            "no CT log: sigstore-python verifies nothing, cosign nothing that has a "
            "certificate"
        )
    if not counts["tsa_urls"]:
        yield (
            "no timestamp authority to ask: what is signed with a certificate cannot "
            "be verified later; signatures with keys can"
        )
    if not counts["timestamp_authorities"]:
        yield "no timestamp authority to trust: only signatures with keys are verified"
    if not counts["oidc_urls"]:
        yield "no identity provider: sigstore-python wants --identity-token"
