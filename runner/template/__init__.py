"""New stages and new projects, from templates whose every line is worth reading."""
