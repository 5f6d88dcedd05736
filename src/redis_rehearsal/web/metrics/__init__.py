"""The exposition for Prometheus: made of what is merged already, so that the hot path pays nothing."""

from redis_rehearsal.web.metrics.exposition import render

__all__ = ["render"]
