"""Charts: from one tidy DataFrame to a new plotly figure, one chart per file.

Shown alike on a page, in a report and from the command line. It leaves out computing the tables
(`core.evaluation`).
"""
