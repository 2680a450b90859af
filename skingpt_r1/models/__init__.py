"""Frozen backbones behind one interface, the adapters on them, and what reads a photo with both."""
