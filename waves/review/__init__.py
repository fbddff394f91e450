"""A change, before it is merged: affected regions, previews, rendered objects, preflight, costs, the comment."""
