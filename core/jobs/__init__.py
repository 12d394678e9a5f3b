"""Getting runs executed: executors, the runner of one machine and the worker of one run."""
