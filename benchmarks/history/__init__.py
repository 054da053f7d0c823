"""A measurement of the answers about years of service checks: their time, and the room that the history takes.

python -m benchmarks.history --quick
"""
