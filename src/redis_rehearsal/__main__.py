"""`python -m redis_rehearsal`."""

from redis_rehearsal.cli import main

main()
