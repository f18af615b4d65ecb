"""What the workflows of accounts and CRM connections share: one loop that commands, sessions and time drive."""
