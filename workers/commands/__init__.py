"""The commands of `outage`, one module each: where rooms are joined for a person."""
