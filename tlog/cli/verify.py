"""Verify an artifact offline, by its proof file and a policy.

Exit status: 0 proven, 1 not proven, 2 unusable input.
"""

from tlogverify.__main__ import add_arguments, run

__all__ = ["add_arguments", "run"]
