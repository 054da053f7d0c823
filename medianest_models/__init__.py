"""The data layer of MediaNest: models, migrations and repositories for PostgreSQL."""
