"""PostgreSQL: the pool, the migrations, and errors."""
