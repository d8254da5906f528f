"""What staff and machines see and may do."""
