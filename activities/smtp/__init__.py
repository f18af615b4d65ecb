"""SMTP submission: a session with one server and the transmission of one message; no decision about retries is made here."""
