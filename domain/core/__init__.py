"""What every capability shares: validation, refusals, commands, events, words of others."""
