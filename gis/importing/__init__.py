"""Premises from other people's files: every format as rows, and the load into the database."""
