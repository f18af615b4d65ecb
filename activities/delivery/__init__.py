"""Takes messages in: what is there already, what must not come again, where the rest lies and whose it is."""
