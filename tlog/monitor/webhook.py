"""Alarms posted to a URL: signed, in order, and each at least once.

Standard Webhooks: `webhook-id` stays the same however often an alarm is posted,
`webhook-timestamp` is the time of posting, `webhook-signature` is `v1,` and the base64
of HMAC-SHA256 over `id.timestamp.body`.

Source: Standard Webhooks, "Signature scheme".
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
from pathlib import Path
from typing import Final

from tlog.log_lines import log_event
from tlog.monitor.outbox import Outbox
from tlog.monitor.surroundings import Surroundings
from tlog.monitor.web import SourceError, Web
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded

_SECRET_PREFIX: Final = b"whsec_"
_MAX_SECRET_BYTES: Final = 4_096
_WAIT_FIRST_S: Final = 1.0
_WAIT_MAX_S: Final = 300.0


class Webhook:
    """Posts the alarms of an outbox that were not posted yet.

    secret: signs each post; without it, posts are not signed.
    """

    def __init__(
        self,
        web: Web,
        url: str,
        secret: bytes | None,
        outbox: Outbox,
        surroundings: Surroundings,
    ) -> None:
        self._web = web
        self._url = url
        self._secret = secret
        self._outbox = outbox
        self._clock = surroundings.clock
        self._metrics = surroundings.metrics
        self._new = asyncio.Event()

    def wake(self) -> None:
        """Say that there may be new alarms."""
        self._new.set()

    async def post_all(self) -> None:
        """Post all alarms in order; SourceError if the receiver does not take one."""
        while waiting := self._outbox.unposted():
            for alarm in waiting:
                self._metrics.undelivered.set(len(waiting))
                body = alarm.body.encode()
                headers = signed_headers(
                    self._secret, alarm.id, self._clock.now_s(), body
                )
                await self._web.post(self._url, body, headers)
                self._outbox.mark_posted(alarm.seq)
        self._metrics.undelivered.set(0)

    async def run(self) -> None:
        """Post for ever: a new alarm at once, a refused one after growing waits."""
        wait_s = _WAIT_FIRST_S
        while True:
            self._new.clear()
            try:
                await self.post_all()
            except SourceError as error:
                log_event("webhook failed", level="warning", error=str(error))
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _WAIT_MAX_S)
                continue
            wait_s = _WAIT_FIRST_S
            await self._new.wait()


def signed_headers(
    secret: bytes | None, alarm_id: str, time_s: int, body: bytes
) -> dict[str, str]:
    """Return the headers of one post."""
    headers = {
        "Content-Type": "application/json",
        "webhook-id": alarm_id,
        "webhook-timestamp": str(time_s),
    }
    if secret is not None:
        signed = f"{alarm_id}.{time_s}.".encode() + body
        mac = hmac.new(secret, signed, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
    return headers


def read_secret(file: Path) -> bytes:
    """Return the secret in a file: `whsec_` and base64, or any other bytes.

    Raises FormatError if others may read the file, or if it is empty.
    """
    if file.stat().st_mode & 0o077:
        raise FormatError(f"{file} must have mode 0600: chmod it")
    text = read_bounded(file, "a webhook's secret", _MAX_SECRET_BYTES).strip()
    secret = text
    if text.startswith(_SECRET_PREFIX):
        try:
            secret = base64.b64decode(text[len(_SECRET_PREFIX) :], validate=True)
        except binascii.Error:
            raise FormatError("the webhook's secret is not base64") from None
    if not secret:
        raise FormatError("the webhook's secret is empty")
    return secret
