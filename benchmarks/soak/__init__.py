"""Minutes of mixed work by many processes while the server is restarted and killed under them.

python -m benchmarks.soak --minutes 5 --workers 20
"""
