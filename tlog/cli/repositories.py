"""TUF repositories as commands use them; loaded where one is asked for.

It needs python-tuf, an extra: `tlog.cli.trust` says so where that is missing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tlog.cli.keys import open_token
from tlog.clock import SystemClock
from tlog.tuf.repository import Repository


class Place(NamedTuple):
    """Where a repository and its keys lie; days: how long a timestamp is valid."""

    folder: Path
    keys: Path
    days: int

    def publish(self, files: Mapping[str, bytes]) -> list[str]:
        """Make the repository or publish other files; return what is left to do."""
        return self._repository().publish(files)

    def resign(self) -> list[str]:
        """Sign the timestamp again; return what is left to do."""
        return self._repository().resign()

    def rotate(self, name: str) -> list[str]:
        """Exchange a key; return what is left to do."""
        return self._repository().rotate(name)

    def _repository(self) -> Repository:
        return Repository(
            self.folder,
            self.keys,
            now_s=SystemClock().now_s(),
            days=self.days,
            open_token=open_token,
        )
