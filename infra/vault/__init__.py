"""Secrets: the vault, its command (`python -m infra.vault`), and what refers to secrets."""
