"""Heads that the log has shown to witnesses: they must be of the tree shown here.

    GET <prefix>/<SHA-256 of the origin, hex>/checkpoint

Source: C2SP tlog-witness, "get-checkpoint".
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from tlog.log_lines import log_event
from tlog.monitor.alarms import BAD_SIGNATURE, LOG, Alarms
from tlog.monitor.heads import SeenHead, seen_head
from tlog.monitor.state import State
from tlog.monitor.threads import finish
from tlog.monitor.waiting import WaitingHead
from tlog.monitor.web import MissingError, SourceError, Web
from tlogclient.witness import witnesses_by_url
from tlogverify.errors import FormatError, SignatureError, VerificationError
from tlogverify.keys import VerifierKey
from tlogverify.note import MAX_NOTE_BYTES
from tlogverify.policy import Policy
from tlogverify.signed import open_signed_checkpoint


class AskedWitness(NamedTuple):
    """A witness that can be asked; name: as the policy calls its first key."""

    name: str
    url: str
    keys: tuple[VerifierKey, ...]


class WitnessReader:
    """Asks a policy's witnesses for the head of one log, and keeps what they show."""

    def __init__(self, policy: Policy, state: State, web: Web, alarms: Alarms) -> None:
        self._policy = policy
        self._state = state
        self._web = web
        self._alarms = alarms
        self._witnesses = asked_witnesses(policy)
        self._silent: set[str] = set()
        self._forget_others()

    async def ask_all(self, origin: str) -> None:
        """Ask all at a time, so that a slow witness holds up no other."""
        await asyncio.gather(*(self._ask(it, origin) for it in self._witnesses))

    async def _ask(self, witness: AskedWitness, origin: str) -> None:
        try:
            head = await read_head(self._web, witness, self._policy, origin)
        except SourceError as error:
            if witness.name not in self._silent:
                self._silent.add(witness.name)
                log_event(
                    "witness not read",
                    level="warning",
                    witness=witness.name,
                    error=str(error),
                )
            return
        except (FormatError, VerificationError) as error:
            self._alarms.begin(BAD_SIGNATURE, str(error), witness.name)
            return
        self._silent.discard(witness.name)
        self._alarms.end(BAD_SIGNATURE, witness.name)
        if head is not None:
            await finish(self._state.waiting.put, WaitingHead(witness.name, head))

    def _forget_others(self) -> None:
        """End what stands against witnesses that the policy names no more."""
        asked = {LOG, *(it.name for it in self._witnesses)}
        for condition in self._state.outbox.conditions():
            kind, _, source = condition.partition(" ")
            if kind == BAD_SIGNATURE and source not in asked:
                self._state.outbox.end_condition(condition, None)


def asked_witnesses(policy: Policy) -> list[AskedWitness]:
    """Return the policy's witnesses that have a URL."""
    return [
        AskedWitness(
            listed[0].name.decode("utf-8", "backslashreplace"),
            url,
            tuple(it.key for it in listed),
        )
        for url, listed in witnesses_by_url(policy).items()
    ]


async def read_head(
    web: Web, witness: AskedWitness, policy: Policy, origin: str
) -> SeenHead | None:
    """Return the head of a log that a witness has cosigned last; None if none yet.

    Raises SourceError, FormatError, or SignatureError unless both signed it.
    """
    origin_hash = hashlib.sha256(origin.encode()).hexdigest()
    url = f"{witness.url}/{origin_hash}/checkpoint"
    try:
        note = await web.get(url, MAX_NOTE_BYTES)
    except MissingError:
        return None
    return open_witnessed(note, policy, witness.keys, origin)


def open_witnessed(
    note: bytes, policy: Policy, keys: Sequence[VerifierKey], origin: str
) -> SeenHead:
    """Return the head of a note that the log and one of a witness's keys have signed.

    Raises FormatError or SignatureError.
    """
    log_keys = [log.key for log in policy.logs]
    signed = open_signed_checkpoint(note, log_keys, keys)
    if all(signer.key not in keys for signer in signed.signers):
        raise SignatureError("the witness has not signed the head that it shows")
    if signed.checkpoint.origin != origin:
        raise SignatureError("the witness shows the head of another log")
    return seen_head(signed.checkpoint, note)
