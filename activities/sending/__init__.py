"""Sending: drafts, what is queued, attempts and what they came to, the copy in Sent, and routes."""
