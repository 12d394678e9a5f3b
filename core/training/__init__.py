"""Fitting weights. Nothing here touches the disk: `train()` yields, and whoever iterates decides what to write."""
