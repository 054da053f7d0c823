"""A simulation of the portal under more load than today, from the measured costs of its operations."""
