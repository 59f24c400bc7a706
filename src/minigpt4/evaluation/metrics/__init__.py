"""The field's metrics, one file each, on plain data: no model, no tensor, no network.

A metric takes what was answered and what is true, and returns a `MetricResult`: every item, the
totals in the units of the reference script, and scores with intervals. `score_files` of each
metric does the same from files in the official formats.

Paper: Tables 4, 5 and 6.
"""
