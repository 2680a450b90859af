"""Recognition on labelled sets: the task, its scorers, the figures, the baselines and the table."""
