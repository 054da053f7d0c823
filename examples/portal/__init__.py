"""A small portal on this package: pages, a JSON API, live changes and a worker. docs/portal.md says where to look."""
