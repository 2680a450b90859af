"""Logs of inspect_ai as a leaderboard: one HTML page, one Markdown table, paired comparisons of two systems."""
