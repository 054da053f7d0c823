"""The schema: applying migrations, and comparing the database with what they make."""
