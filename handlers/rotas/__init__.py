"""Rotas that are kept elsewhere: iCalendar feeds and files, and PagerDuty."""
