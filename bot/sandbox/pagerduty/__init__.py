"""Twins of PagerDuty: who is on call (REST), and events (Events API v2)."""
