"""Sending: what a draft is, the message that is made of it, and the answer to one that lies here."""
