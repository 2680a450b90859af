"""Dermatology as data: diagnoses, label sets, measured likelihoods of findings, each with its source."""
