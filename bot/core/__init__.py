"""What would survive if Slack and Zendesk vanished: pure, typed, standard library only."""
