"""The question: a problem, its target and criterion, and the claims that may be made of an answer."""
