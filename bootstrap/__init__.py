"""What CI and the regions' state need: made by an administrator's `pulumi up` in this folder (docs/reference/permissions.md).

Read from the fleet's files, so there is no second list of anything. It imports fleet alone, and nothing imports it.
"""
