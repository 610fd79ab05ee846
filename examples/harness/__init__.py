"""`make examples`: runs every program of the gallery as a user would, and checks the facts in what it prints."""
