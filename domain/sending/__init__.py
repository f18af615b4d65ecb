"""Sending: what is composed, and what comes of it."""
