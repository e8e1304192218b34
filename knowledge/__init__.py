"""Articles → chunks → index → passages → cited answer."""
