"""Failovers of a Patroni cluster as its clients see them: lost writes, and seconds without progress.

python -m benchmarks.failovers
python -m benchmarks.failovers --asynchronous

Twenty workers do the work of the soak test, half of them through HAProxy and half with all hosts in DATABASE_URL.
"""
