"""`python -m semipose`, the same as the `semipose` command."""

from semipose.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
