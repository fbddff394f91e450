"""The rules of the rollout, pure: no git, no network, no clock. docs/explanation/rollout.md has them in words."""
