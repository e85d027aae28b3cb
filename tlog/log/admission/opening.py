"""From settings to who is let in."""

from tlog.clock import Clock
from tlog.log.admission.gate import Gate
from tlog.log.admission.rates import Buckets, Rates
from tlog.log.admission.settings import AdmissionSettings
from tlog.log.admission.tokens_file import TokensFile


def open_gate(
    settings: AdmissionSettings, clock: Clock, buckets: Buckets | None = None
) -> Gate:
    """Return who is let in; buckets: those of the whole log, if processes share it.

    Raises FormatError or OSError if the tokens cannot be used.
    """
    tokens = None
    if settings.tokens_file is not None:
        tokens = TokensFile(settings.tokens_file).current
    rates = None
    if settings.rate_entries_per_s:
        per_s, burst = settings.rate_entries_per_s, settings.rate_burst_entries
        rates = Rates(per_s, burst, clock, buckets)
    return Gate(
        tokens,
        rates,
        trust_forwarded_for=settings.trust_forwarded_for,
        is_frozen=settings.frozen,
        clock=clock,
    )
