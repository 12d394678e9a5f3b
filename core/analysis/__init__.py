"""What needs a network: saliency, features and their neighbours, embeddings, robustness, units.

Computed in the analyst's processes, never in a page's; what it costs to compute is kept in the run's folder. Stored
outputs need no network: those are `core.evaluation`'s.
"""
