"""A real PostgreSQL, and Debezium's connector for it in a real Connect worker."""
