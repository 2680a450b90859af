"""How a narrative is judged: the rubric, the evaluator, who asks it, and how far it agrees with people."""
