"""TLS whose certificate changes without a restart.

The files are looked at in each handshake.  When both can be used, new connections get
them; until then the ones before stay, since a pair is replaced file by file.
"""

import ssl
from pathlib import Path

from tlog.gate.beliefs import Stamp, stamp_of
from tlog.gate.metrics import GateMetrics
from tlog.log_lines import log_event
from tlogverify.errors import FormatError


class Certificates:
    """A certificate chain and its key; context: what a server is started with."""

    def __init__(self, chain: Path, key: Path, metrics: GateMetrics) -> None:
        """Read both; FormatError if they do not fit, OSError that names a file."""
        self._paths = (chain, key)
        self._metrics = metrics
        self._stamps = self._look()
        self._current = self._load()
        self.context = self._current
        self.context.sni_callback = self._choose

    def _choose(
        self, connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext
    ) -> None:
        """Give one handshake the newest pair; called for clients without a name too."""
        stamps = self._look()
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                self._current = self._load()
                log_event("certificate read again")
            except (FormatError, OSError) as error:
                self._metrics.reload_failures.labels("certificate").inc()
                log_event("certificate not usable", level="error", error=str(error))
        connection.context = self._current

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(map(stamp_of, self._paths))

    def _load(self) -> ssl.SSLContext:
        chain, key = self._paths
        for path in self._paths:
            with path.open("rb"):
                pass  # an OSError of the context's own would not name the file
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(chain, key, password=_refuse_password)
        except ssl.SSLError:
            raise FormatError(
                f"{chain} and {key} are no certificate and its key, in PEM"
            ) from None
        return context


def _refuse_password() -> str:
    # OpenSSL would ask on a terminal.
    return ""
