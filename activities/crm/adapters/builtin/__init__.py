"""Mailroom's own CRM."""
