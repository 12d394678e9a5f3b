"""The run folder: a run is a folder, and the folder is the truth. Nothing here imports torch."""
