"""The policy that a log says is its own; nothing proves it.

The log is asked for it as for everything else: by the same transport, with the same
retries and bounds.
"""

import json
from typing import Final

from tlogclient.network import Network
from tlogclient.transport import Request, Transport
from tlogverify import Policy
from tlogverify.errors import FormatError
from tlogverify.policy import MAX_POLICY_BYTES

_PATH: Final = "/api/v1/log"
# In JSON a policy is at most twice as long; witnesses and limits stand beside it.
_LIMIT_BYTES: Final = 2 * MAX_POLICY_BYTES + (1 << 20)


async def ask_policy(
    url: str, *, attempts: int, timeout_s: float, network: Network
) -> Policy:
    """Return the policy that the log at `url` says is its own.

    Raises RefusedError, UnavailableError, or FormatError if no log of this kind is
    there; ValueError for a URL that is none.
    """
    transport = Transport(
        url, token=None, attempts=attempts, timeout_s=timeout_s, network=network
    )
    await transport.open()
    try:
        answer = await transport.fetch(
            Request(_PATH, "application/json", _LIMIT_BYTES, is_everywhere=True)
        )
    finally:
        await transport.close()
    return Policy.parse(_policy_of(url, answer))


def _policy_of(url: str, answer: bytes) -> bytes:
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        document = None
    policy = document.get("policy") if isinstance(document, dict) else None
    if not isinstance(policy, str):
        raise FormatError(f"{url} is not a log of this kind: it tells no policy")
    return policy.encode("utf-8", "surrogatepass")
