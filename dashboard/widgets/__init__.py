"""Reusable inputs and displays; a widget takes a key and returns a plain value."""
