"""What an outage is, who may change it, and what is on record."""
