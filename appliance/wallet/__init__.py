"""The wallet: a resident's phone page of static files, and what carries it to a phone."""
