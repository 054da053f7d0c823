"""A measurement of how the cost of the frequent operations grows with the rows of the tables that they work on.

python -m benchmarks.growth --quick
"""
