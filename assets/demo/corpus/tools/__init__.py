"""Tools as they are offered, questions that call for them, and what comes back."""
