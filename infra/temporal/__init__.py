"""Temporal's client, and how payloads are written."""
