"""What every refusal has in common, whatever was sent."""

from tests.support.filled import Filled
from tests.support.http import Answer
from tests.support.openapi import require_documented

# What a body must never show: our machine, our code, or a fault of ours.
_TELLTALES = (
    *(b"Traceback", b'File "', b".py", b"site-packages", b"/tmp/", b"/home/"),
    *(b"Error(", b"Exception", b"object at 0x"),
)


def require_refused(
    answer: Answer, status: int, token: str, detail: str, target: str = ""
) -> None:
    """Assert that an answer of a log is this problem, and is documented."""
    require_told(answer, status, token, detail)
    if target:
        require_documented("GET", target, answer)
    else:
        require_documented("POST", "/api/v1/entries", answer)


def require_told(answer: Answer, status: int, token: str, detail: str) -> None:
    """Assert that an answer is this problem, told in full and telling no more."""
    assert answer.media_type == "application/problem+json", answer
    document = answer.json()
    assert (status, token) == (answer.status, document["type"]), document
    assert status == document["status"]
    assert detail in document["detail"], document
    assert not [telltale for telltale in _TELLTALES if telltale in answer.body]
    assert len(answer.body) < 1_000


class Unchanged:
    """A block within which a log must not change."""

    def __init__(self, filled: Filled) -> None:
        self._filled = filled
        self._before = filled.state()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        assert self._before == self._filled.state()
