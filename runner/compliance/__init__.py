"""Static rules for stage code: what a stage's author should know before the stage ever runs."""
