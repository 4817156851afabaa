"""Who did what, in chains that show when a link was changed."""
