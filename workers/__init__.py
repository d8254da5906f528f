"""The processes, and the only place where rooms are joined."""
