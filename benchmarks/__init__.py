"""Measurements: each script prints a table and keeps a JSON result with command, machine, date and seed."""
