"""The Temporal server and CLI: where its binary comes from."""
