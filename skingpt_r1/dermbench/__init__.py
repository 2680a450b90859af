"""What a system is worth: tasks, systems under test, judges, metrics, trust, leaderboard, ablations."""
