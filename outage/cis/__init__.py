"""Account records: what the customer information system (CIS) knows of outages."""
