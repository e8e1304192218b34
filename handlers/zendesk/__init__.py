"""The Zendesk door: webhooks in, tickets and comments out."""
