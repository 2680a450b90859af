"""Who is compared: systems of others by inspect_ai's providers, our own model, and the controls."""
