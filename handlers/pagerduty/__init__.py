"""PagerDuty, outward: escalations as alert events of the Events API v2."""
