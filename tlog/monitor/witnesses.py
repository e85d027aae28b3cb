"""Heads that the log has shown to witnesses: they must be of the tree shown here.

    GET <prefix>/<SHA-256 of the origin, hex>/checkpoint

A policy may name several keys of a witness at one URL.  The URL is asked once, and each
key is judged for itself: what is wrong with one is not told of another.

Source: C2SP tlog-witness, "get-checkpoint".
"""

import asyncio
import hashlib
from collections.abc import Sequence

from tlog.log_lines import log_event
from tlog.monitor.alarms import BAD_SIGNATURE, Alarms
from tlog.monitor.heads import SeenHead, fetch_note, seen_head
from tlog.monitor.keys import LogKeys
from tlog.monitor.parties import (
    LOG,
    Party,
    party_of_old_name,
    told_name,
    witness_party,
)
from tlog.monitor.state import State
from tlog.monitor.threads import finish
from tlog.monitor.waiting import WaitingHead
from tlog.monitor.web import MissingError, SourceError, Web
from tlogclient.witness import witnesses_by_url
from tlogverify.errors import FormatError, SignatureError, VerificationError
from tlogverify.keys import VerifierKey
from tlogverify.note import MAX_NOTE_BYTES
from tlogverify.policy import Policy, PolicyWitness
from tlogverify.signed import open_signed_checkpoint


class WitnessReader:
    """Asks a policy's witnesses for the head of one log, and keeps what they show."""

    def __init__(self, keys: LogKeys, state: State, web: Web, alarms: Alarms) -> None:
        self._keys = keys
        self._state = state
        self._web = web
        self._alarms = alarms
        self._by_url = witnesses_by_url(keys.given)
        self._silent: set[str] = set()
        self._adopt_old_names()
        self._forget_others()

    async def ask_all(self, origin: str) -> None:
        """Ask all at a time, so that a slow witness holds up no other."""
        asked = self._by_url.items()
        await asyncio.gather(*(self._ask(url, some, origin) for url, some in asked))

    async def _ask(
        self, url: str, witnesses: Sequence[PolicyWitness], origin: str
    ) -> None:
        try:
            note = await self._fetch(url, origin)
        except SourceError as error:
            if url not in self._silent:
                self._silent.add(url)
                log_event(
                    "witness not read",
                    level="warning",
                    witness=" ".join(map(told_name, witnesses)),
                    error=str(error),
                )
            return
        self._silent.discard(url)
        if note is None:
            for witness in witnesses:
                self._alarms.end(BAD_SIGNATURE, witness_party(witness))
            return
        await self._judge(note, witnesses, origin)

    async def _fetch(self, url: str, origin: str) -> bytes | None:
        """Return the newest note that a witness has cosigned; None if there is none.

        Raises SourceError if no note came.
        """
        place = f"{url}/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"
        try:
            return await fetch_note(self._web.get(place, MAX_NOTE_BYTES))
        except MissingError:
            return None

    async def _judge(
        self, note: bytes, witnesses: Sequence[PolicyWitness], origin: str
    ) -> None:
        """Keep the head of a note for each key that has signed it.

        A key that has not signed is wrong only if no other key of the witness has.
        """
        policy = self._keys.policy()
        heads: dict[Party, SeenHead] = {}
        faults: dict[Party, str] = {}
        for witness in witnesses:
            party = witness_party(witness)
            try:
                head = open_witnessed(note, policy, witness.key, origin)
            except (FormatError, VerificationError) as error:
                faults[party] = str(error)
                continue
            if head is not None:
                heads[party] = head
        if not heads and not faults:
            said = "the witness has not signed the head that it shows"
            faults = dict.fromkeys(map(witness_party, witnesses), said)
        for party in map(witness_party, witnesses):
            if party in faults:
                self._alarms.begin(BAD_SIGNATURE, faults[party], party)
            else:
                self._alarms.end(BAD_SIGNATURE, party)
        for party, head in heads.items():
            await finish(self._state.waiting.put, WaitingHead(party, head))

    def _adopt_old_names(self) -> None:
        """Find out by the policy whose names an older state folder has kept."""
        for first, *_ in self._by_url.values():
            party, old = witness_party(first), party_of_old_name(told_name(first))
            self._state.outbox.adopt(party, old)
            self._state.waiting.adopt(party, old)

    def _forget_others(self) -> None:
        """End what stands against witnesses that the policy names no more."""
        asked = {LOG.key}
        for witnesses in self._by_url.values():
            asked |= {witness_party(it).key for it in witnesses}
        for condition in self._state.outbox.conditions():
            if condition.kind == BAD_SIGNATURE and condition.party.key not in asked:
                self._state.outbox.end_condition(condition, None)


def open_witnessed(
    note: bytes, policy: Policy, key: VerifierKey, origin: str
) -> SeenHead | None:
    """Return the head of a note that the log and a witness's key have signed.

    Returns None if that key has not signed.  Raises FormatError, or SignatureError if
    the key's line or the log's is wrong, or if the head is of another log.
    """
    log_keys = [log.key for log in policy.logs]
    signed = open_signed_checkpoint(note, log_keys, [key])
    if signed.checkpoint.origin != origin:
        raise SignatureError("the witness shows the head of another log")
    if all(signer.key != key for signer in signed.signers):
        return None
    return seen_head(signed.checkpoint, note)
