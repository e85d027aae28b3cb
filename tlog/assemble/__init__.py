"""Puts the parts of a log together, in the order in which they depend on each other.

log          from settings to a log, opened and recovered
witnesses    its policy, who is asked for cosignatures, and whether it may write
"""

from tlog.assemble.log import open_log, rebuild_log, tell_build

__all__ = ["open_log", "rebuild_log", "tell_build"]
