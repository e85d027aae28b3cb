"""Stores that nodes share; loaded where settings name them.

They need libraries of an extra: `tlog.cli.serve` says so where one is missing.
"""

from tlog.log.shared import shared_stores

__all__ = ["shared_stores"]
