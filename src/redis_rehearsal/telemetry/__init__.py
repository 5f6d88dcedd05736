"""Measuring: histograms, logging, Prometheus text."""
