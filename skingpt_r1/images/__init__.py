"""From untrusted bytes to numbers: reading a photo, judging its quality, measuring the lesion in it.

Nothing here knows a disease and nothing here learns: a measurement made in this room is evidence
that a model did not make up. Masks and probability maps come from outside (a model, or an expert).
"""
