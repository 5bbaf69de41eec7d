"""`python -m cgan_kit`: see `cgan_kit.cli`."""

import sys

if __name__ == "__main__":
    try:
        # Within, for it takes a second, in which Ctrl-C may come.
        from cgan_kit.cli import main
    except KeyboardInterrupt:
        print("Interrupted before anything was done.", file=sys.stderr)
        sys.exit(130)
    sys.exit(main())
