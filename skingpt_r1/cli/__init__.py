"""The command line: one small module a group; parses, calls, prints, and holds no logic."""
