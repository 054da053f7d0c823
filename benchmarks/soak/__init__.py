"""The soak test: minutes of mixed work by many processes, while the server is restarted and killed.

python -m benchmarks.soak --minutes 5 --workers 20
"""
