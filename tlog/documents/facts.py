"""What is known of a stored document beside its bytes, for the rules of retention.

    {"environments":["release"],"named":[{"entry":17,"predicate_type":"..."}],
     "size":1234,"stored":"2026-01-31T12:00:00Z"}

The entries prove what they say.  An environment is the word of whoever stored the
document; the time is that of this machine.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Final

from tlog.documents.tombstones import parse_time, show_time
from tlogverify.errors import FormatError

MAX_NAMED: Final = 64
MAX_ENVIRONMENTS: Final = 16
MAX_FACTS_BYTES: Final = 64 << 10

_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Facts:
    """named: (entry, predicate type or "") of entries that name the document."""

    stored_s: int
    size: int
    named: tuple[tuple[int, str], ...] = ()
    environments: tuple[str, ...] = ()

    def joined(self, other: "Facts") -> "Facts":
        """Return both; the earlier time holds, and what exceeds the bounds is dropped.

        The first entries and environments stay, so that nobody can push them out.
        """
        named = dict.fromkeys((*self.named, *other.named))
        environments = dict.fromkeys((*self.environments, *other.environments))
        return replace(
            self,
            stored_s=min(self.stored_s, other.stored_s),
            named=tuple(named)[:MAX_NAMED],
            environments=tuple(environments)[:MAX_ENVIRONMENTS],
        )

    def encode(self) -> bytes:
        """Return the file's content."""
        members = {
            "environments": list(self.environments),
            "named": [{"entry": n, "predicate_type": it} for n, it in self.named],
            "size": self.size,
            "stored": show_time(self.stored_s),
        }
        text = json.dumps(members, separators=(",", ":"), sort_keys=True)
        return text.encode("ascii") + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> "Facts":
        """Parse what `encode` wrote; FormatError for every other bytes."""
        try:
            members = json.loads(content)
            found = cls(
                parse_time(members["stored"]),
                members["size"],
                tuple((it["entry"], it["predicate_type"]) for it in members["named"]),
                tuple(members["environments"]),
            )
            numbers = [found.size, *(index for index, _ in found.named)]
            texts = [*found.environments, *(it for _, it in found.named)]
            if (
                all(type(it) is int for it in numbers)
                and all(type(it) is str for it in texts)
                and found.encode() == content
            ):
                return found
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            pass  # told below, as another spelling is
        raise FormatError("facts are in canonical form", content)


def require_environment(text: str) -> str:
    """Return the name of an environment; FormatError for what is none."""
    if _ENVIRONMENT.fullmatch(text) is None:
        raise FormatError("an environment is 1 to 64 of A-Z a-z 0-9 . _ -", text)
    return text
