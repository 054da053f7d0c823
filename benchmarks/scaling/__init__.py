"""A simulation of the portal under more load than it has, from the measured costs of its operations."""
