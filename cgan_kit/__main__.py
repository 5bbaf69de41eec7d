"""`python -m cgan_kit`: see `cgan_kit.cli`."""

import sys

from cgan_kit.cli import main

if __name__ == "__main__":
    sys.exit(main())
