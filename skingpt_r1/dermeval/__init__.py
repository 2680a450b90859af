"""How a narrative is judged: the rubric, later the evaluator that learns from those who used it."""
