"""The plane's jobs in SQLite: `change` holds what the others are made of, and nothing outside speaks SQL."""
