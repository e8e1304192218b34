"""What `python -m bot <command>` does; each module is loaded only when its command is asked for."""
