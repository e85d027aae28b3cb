"""What people are told of an error: its words, and never its number."""

import errno
import os

from tlogverify.command.telling import reason

NO_SPACE = os.strerror(errno.ENOSPC)


def test_an_error_of_the_machine_is_told_without_its_number() -> None:
    for error, told in (
        (OSError(errno.ENOSPC, NO_SPACE, "app.whl"), f"app.whl: {NO_SPACE}"),
        (OSError(errno.ENOSPC, NO_SPACE, 7), f"7: {NO_SPACE}"),
        (OSError(errno.ENOSPC, NO_SPACE), NO_SPACE),
        (OSError("a file of ours"), "a file of ours"),
        (ValueError("no number"), "no number"),
    ):
        assert told == reason(error), f"{error!r}"
