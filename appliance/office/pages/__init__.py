"""A page for residents and one for guards, in each language; their texts are in *.json here."""
