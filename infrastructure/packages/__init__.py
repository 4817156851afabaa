"""What AWS gets: the functions' and layers' archives, and the commands that bring them there."""
