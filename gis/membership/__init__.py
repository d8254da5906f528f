"""What the reader does with an entry: memberships and interruptions, in steps."""
