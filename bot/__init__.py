"""Deskbell: a support desk that lives where the customers already are."""
