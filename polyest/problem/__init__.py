"""The question: a problem, its target and criterion, and what may be claimed of an answer."""
