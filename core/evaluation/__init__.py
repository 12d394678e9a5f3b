"""Evaluation: from `Predictions` (or histories) to one pandas DataFrame, one question per file.

Everything here is pure. It leaves out figures (`core.charts`) and whatever needs a network (`core.analysis`).
"""
