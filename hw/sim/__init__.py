"""Every port made of memory, with a recorded history: for the demo, for training and for tests.

Ships in the product. Knows the ports' shapes, no pass and no rule.
"""
