"""Certificates judged, as `tlog verify` does it; loaded where one is judged.

It needs the sigstore library, an extra: `tlog.cli.bundles` says so where it is missing.
"""

from tlog.bundles.certified import Who, judge_named
from tlog.bundles.certified import judge_certified as judge

__all__ = ["Who", "judge", "judge_named"]
