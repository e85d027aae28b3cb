"""`python -m tlog`: the same as `tlog`."""

import sys

from tlog.cli import main

if __name__ == "__main__":
    sys.exit(main())
