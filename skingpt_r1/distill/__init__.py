"""Adapter-only dual distillation: losses, recipe, trainer, teacher, and what is computed once and cached."""
