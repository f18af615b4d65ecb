"""Sending: one workflow for each route, and one for each message."""
