"""Judges of narratives as scorers of inspect_ai, and what is wrong with each of them (`check`)."""
