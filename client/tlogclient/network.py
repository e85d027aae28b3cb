"""The way to a log: a proxy, the authorities that TLS believes, who learns of pauses.

Nothing of the environment is honoured unless `find_proxy` is asked.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from tlogverify.errors import FormatError


@dataclass(frozen=True, slots=True)
class Network:
    """How requests travel.

    proxy: the URL of an HTTP proxy, credentials included, or None.
    tls: checks certificates of https; None takes the system's authorities.
    on_wait: is told of each pause that a log asks for, in seconds, and of the reason.
    """

    proxy: str | None = None
    tls: ssl.SSLContext | None = None
    on_wait: Callable[[float, str], None] | None = None


DIRECT: Final = Network()
"""No proxy, the system's authorities, and nobody who learns of waits."""


def find_proxy(url: str) -> str | None:
    """Return the proxy that the environment names for `url`, or None.

    It reads http_proxy, https_proxy, all_proxy and no_proxy, in either case.  A
    loopback address is never asked through a proxy, to which it would be another
    machine.

    Raises FormatError for a proxy that does not speak HTTP.
    """
    parts = urlsplit(url)
    if is_loopback(parts.hostname or "") or proxy_bypass(
        parts.netloc.rpartition("@")[2]
    ):
        return None
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    # Its credentials are not shown.
    kind = proxy.partition(":")[0].lower()
    if kind not in ("http", "https") or not urlsplit(proxy).hostname:
        raise FormatError("a proxy of the environment is an http:// or https:// URL")
    return proxy


def trust_authorities(path: Path) -> ssl.SSLContext:
    """Return what https is checked with if the authorities in a PEM file alone count.

    Raises FormatError for a file without certificates, OSError if it is not readable.
    """
    with path.open("rb"):
        pass  # an OSError of the context's own would not name the file
    try:
        context = ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise FormatError(f"{path} holds no certificates in PEM") from None
    if not context.cert_store_stats()["x509"]:
        raise FormatError(f"{path} holds no certificates in PEM")
    return context


def is_loopback(host: str) -> bool:
    """Tell whether a host, by its name or address alone, is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
