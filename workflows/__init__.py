"""The durable lifecycles: thin, deterministic shells around domain/."""
