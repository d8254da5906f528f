"""`python -m workers` is the `outage` command; the supervisor starts its children so."""

from workers.cli import main

if __name__ == "__main__":
    main()
