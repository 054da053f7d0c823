"""The schema: applying migrations, and comparing the database with the schema that they produce."""
