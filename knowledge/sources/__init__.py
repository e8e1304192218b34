"""Where articles come from besides a folder: each source is mirrored into one."""
