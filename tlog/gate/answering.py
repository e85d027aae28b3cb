"""The answer to an AdmissionReview.  PURE.

    {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",
     "response":{"uid":"...","allowed":false,
                 "status":{"status":"Failure","code":403,"reason":"Forbidden",
                           "message":"..."},
                 "warnings":["..."],"auditAnnotations":{"verdict":"refused",...}}}

Source: Kubernetes, "Dynamic Admission Control", "Response".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tlog.gate.decisions import Decision, Outcome
from tlog.gate.lines import (
    MAX_ANNOTATION_CHARS,
    MAX_MESSAGE_CHARS,
    MAX_WARNING_CHARS,
    ascii_line,
)
from tlog.gate.reviews import API_VERSION

_WORST: tuple[Outcome, ...] = ("allowed", "undecided", "refused")


@dataclass(frozen=True, slots=True)
class Admitted:
    """How a review is answered; message: "" for one that is allowed."""

    uid: str
    allowed: bool
    message: str = ""
    warnings: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, object]:
        """Return the review that is sent back."""
        response: dict[str, object] = {"uid": self.uid, "allowed": self.allowed}
        if not self.allowed:
            response["status"] = {
                "status": "Failure",
                "code": 403,
                "reason": "Forbidden",
                "message": ascii_line(self.message, MAX_MESSAGE_CHARS),
            }
        if self.warnings:
            response["warnings"] = [
                ascii_line(it, MAX_WARNING_CHARS) for it in self.warnings
            ]
        if self.annotations:
            response["auditAnnotations"] = {
                name: ascii_line(value, MAX_ANNOTATION_CHARS)
                for name, value in self.annotations
                if value
            }
        return {
            "apiVersion": API_VERSION,
            "kind": "AdmissionReview",
            "response": response,
        }


def worst(decisions: Sequence[Decision]) -> Decision:
    """Return the first of those that are the furthest from being allowed."""
    return max(decisions, key=lambda it: _WORST.index(it.outcome))


def annotations_of(decisions: Sequence[Decision]) -> tuple[tuple[str, str], ...]:
    """Return what the API server's audit log shall say, worst image first.

    Values of several images stand in their order, with commas between them.
    """
    ranked = sorted(decisions, key=lambda it: -_WORST.index(it.outcome))
    places = [place for it in ranked for place in it.places]

    def joined(value: Callable[[Decision], str]) -> str:
        return ",".join(dict.fromkeys(filter(None, map(value, ranked))))

    return (
        ("verdict", ranked[0].outcome),
        ("reason", joined(lambda it: it.reason.value)),
        ("image", joined(lambda it: it.subject)),
        ("digest", joined(lambda it: _named(it.sha256))),
        ("index", ",".join(dict.fromkeys(str(it.index) for it in places))),
        ("origin", ",".join(dict.fromkeys(it.origin for it in places))),
        ("rules", joined(lambda it: _named(it.rules_sha256))),
    )


def line_of(decision: Decision) -> str:
    """Return one line: the image, what was decided, and why."""
    return (
        f"{decision.subject}: {decision.outcome} ({decision.reason.value}): "
        f"{decision.words}"
    )


def warning_of(decision: Decision) -> str:
    """Return the same for a warning, where a whole digest would leave no room."""
    name, at, digest = decision.subject.partition("@sha256:")
    subject = f"{name}{at}{digest[:12]}"
    return f"{decision.outcome} ({decision.reason.value}): {subject}: {decision.words}"


def _named(sha256: bytes | None) -> str:
    return "" if sha256 is None else f"sha256:{sha256.hex()}"
