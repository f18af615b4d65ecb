"""POP3 (RFC 1939): the protocol, its connection and a logged-in session."""
