"""Pages, one per file: read top to bottom, they only show."""
