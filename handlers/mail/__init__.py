"""Mail, outward: escalations as plain text by SMTP."""
