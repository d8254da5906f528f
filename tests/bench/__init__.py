"""Speed, as ratios against a named alternative."""
