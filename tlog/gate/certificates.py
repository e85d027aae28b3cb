"""TLS whose certificate changes without a restart, and which may know its clients.

The files are looked at in each handshake.  When all can be used, new connections get
them; until then the ones before stay, since a pair is replaced file by file.  No
session is resumed: each connection is judged by what holds when it is made.
"""

import ssl
from pathlib import Path

from tlog.gate.beliefs import Stamp, stamp_of
from tlog.gate.metrics import GateMetrics
from tlog.log_lines import log_event
from tlogverify.errors import FormatError


class Certificates:
    """A certificate chain and its key; context: what a server is started with.

    authorities: of clients, who are asked for a certificate then and need not have one;
    a certificate of anybody else ends the handshake.
    """

    def __init__(
        self, chain: Path, key: Path, authorities: Path | None, metrics: GateMetrics
    ) -> None:
        """Read all; FormatError if they do not fit, OSError that names a file."""
        self._pair = (chain, key)
        self._authorities = authorities
        given = (chain, key, authorities)
        self._paths = tuple(it for it in given if it is not None)
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
        chain, key = self._pair
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
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        if self._authorities is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            try:
                context.load_verify_locations(self._authorities)
            except ssl.SSLError:
                raise FormatError(
                    f"{self._authorities} holds no certificates in PEM"
                ) from None
        return context


def _refuse_password() -> str:
    # OpenSSL would ask on a terminal.
    return ""
