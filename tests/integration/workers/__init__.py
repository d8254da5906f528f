"""Processes of ours, started for real and signalled."""
