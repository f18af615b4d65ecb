"""Sending: what is composed, what an SMTP server's answers mean, and the lives of a route and of a message."""
