"""Everything embedded: PostgreSQL, Temporal and a sandbox, for `--dev` and for tests."""
