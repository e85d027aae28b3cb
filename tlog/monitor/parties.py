"""Who has shown a head: the log itself, or one key of a witness.

A name does not tell parties apart.  A policy may call a witness `log`; it may give a
witness two keys at one URL, as two names; and tomorrow it may give a name to another
key.  So the state folder keeps a witness by its public key, and people read its name.
"""

import hashlib
from typing import Final, NamedTuple

from tlogverify.policy import PolicyWitness


class Party(NamedTuple):
    """One who shows heads.

    key: what tells it apart from every other party, as the state folder keeps it:
    `log`, or `witness` and the SHA-256 of the public key in hex.
    told: how alarms name it as their `source`: `log`, or the policy's name of the
    witness, with `witness` before it where that name is `log`.
    vkey: the name and the id of a witness's key; empty for the log.
    """

    key: str
    told: str
    vkey: str = ""


LOG: Final = Party("log", "log")


def witness_party(witness: PolicyWitness) -> Party:
    """Return the party that one witness line of a policy stands for."""
    name = told_name(witness)
    return Party(
        f"witness {hashlib.sha256(witness.key.public_bytes).hexdigest()}",
        # No name has a space in it, so that no two parties are told alike.
        f"witness {name}" if name == LOG.told else name,
        f"{witness.key.name}+{witness.key.key_id.hex()}",
    )


def told_name(witness: PolicyWitness) -> str:
    """Return the policy's name of a witness as text; its octets may be any."""
    return witness.name.decode("utf-8", "backslashreplace")


def party_of_old_name(name: str) -> str:
    """Return the key of a party of which an older state folder kept the name alone."""
    return f"named {name}"
