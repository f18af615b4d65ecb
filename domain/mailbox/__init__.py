"""An account's settings, and what is known of its provider."""
