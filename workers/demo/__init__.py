"""The demo: a made-up utility, a scripted storm, and the check that everything agrees."""
