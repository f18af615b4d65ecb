"""What Mailroom stands on: settings, database, vault, telemetry and the development services."""
