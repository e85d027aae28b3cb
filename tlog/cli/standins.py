"""Stand-ins for trial, as `sigstore-try` starts them; loaded where it was called."""

from tlog.trial.neighbours import Neighbours, neighbours

__all__ = ["Neighbours", "neighbours"]
