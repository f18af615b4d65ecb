"""What all activities share: attempts, commands, locks, the log, notices."""
