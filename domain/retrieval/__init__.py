"""What a session fetches, skips and deletes, and what it makes of what it sees."""
