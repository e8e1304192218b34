"""The ledger and the records, on SQLite or PostgreSQL."""
