"""The corpus: training narratives drafted from evidence."""
