"""Trains DermEval in the two published stages: supervised, then SOREB (SkinGPT-R1, section 5)."""
