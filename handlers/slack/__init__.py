"""The Slack door: Events API and Socket Mode in, Web API out."""
