"""One visit to an account's mailbox: look, plan, fetch, delete."""
