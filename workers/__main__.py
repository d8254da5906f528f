"""The `outage` command, also as `python -m workers`, by which the supervisor starts its children.

Nothing but `sys` is imported before Ctrl+C can be told from a failure: all else takes a while.
"""

import sys


def main() -> None:
    """Run the command line of this process and exit."""
    try:
        from workers import cli

        cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("outage: stopped\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
