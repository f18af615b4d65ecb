"""The I/O: mail servers, PostgreSQL and CRMs; no rule lives here."""
