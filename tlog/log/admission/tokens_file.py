"""A tokens file that is read again when it changes, if it can be read then."""

import os
from collections.abc import Mapping
from pathlib import Path

from tlog.log.admission.tokens import Token, read_tokens
from tlog.log_lines import log_event
from tlogverify.errors import FormatError

_Stamp = tuple[int, int, int]


class TokensFile:
    """The tokens of one file, as it last could be read; asked on the event loop.

    Raises FormatError or OSError if it cannot be used at first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Before it is read: a change in between is seen at the next look.
        self._stamp = self._look()
        self._tokens: Mapping[bytes, Token] = read_tokens(path)

    def current(self) -> Mapping[bytes, Token]:
        """Return the tokens by their hashes."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._tokens = read_tokens(self._path)
            except (FormatError, OSError) as error:
                log_event("tokens not usable", level="error", error=str(error))
            else:
                log_event("tokens read again", tokens=len(self._tokens))
        return self._tokens

    def _look(self) -> _Stamp | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
