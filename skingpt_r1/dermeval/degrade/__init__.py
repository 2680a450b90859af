"""Graded degradations: narratives damaged in a known way, for an evaluator to learn from and to be tested with."""
