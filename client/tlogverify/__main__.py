"""Verify artifacts from a shell, offline: `python -m tlogverify`.

With --attestation and --rules: and that their signed statement is as the rules ask.
With --bundle: by the Sigstore bundle of a file, and the key that signed it.
With --entry: that a file is itself an entry of a log, whatever log that is.
With --evidence: verify instead that a log's key signed two histories.

Exit status: 0 all proven, 1 not proven, 2 unusable input or a verdict that could not be
written; of several artifacts the worst.  Says why in one line each.
"""

import sys

from tlogverify.command.running import add_arguments, main, run
from tlogverify.command.telling import printable

__all__ = ["add_arguments", "main", "printable", "run"]

if __name__ == "__main__":
    sys.exit(main())
