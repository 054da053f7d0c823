"""The failovers of a Patroni cluster, as its clients see them: what is lost, and how long nothing gets done.

python -m benchmarks.failovers
python -m benchmarks.failovers --asynchronous

Twenty workers do the work of the soak test, half of them by HAProxy and half with all hosts in DATABASE_URL.
"""
