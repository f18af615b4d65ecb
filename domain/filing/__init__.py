"""Filters: how they are written, and what they decide."""
