"""The vendors' twins and the page on which a newcomer can be everybody."""
