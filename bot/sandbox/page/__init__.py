"""The page on which a newcomer is the customer, the agent and the on-call engineer, and moves the clock."""
