"""Tests of the dashboard: pure lines as values, screens through Textual's Pilot."""
