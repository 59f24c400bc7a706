"""The report of a reproduction: one page with tables, plots, figures and findings."""
