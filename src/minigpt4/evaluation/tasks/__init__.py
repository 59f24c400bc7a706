"""The benchmarks, one file each; a new file with a `TASK` is a new task."""
