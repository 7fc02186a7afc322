"""Sharing the GPUs of this machine between all runs on it, and what was learnt of their needs."""
