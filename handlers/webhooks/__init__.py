"""Webhooks, outward: escalations as signed JSON for anybody who listens."""
