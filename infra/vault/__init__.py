"""Secrets: the vault, its command (`mailroom vault`), and what refers to secrets."""
