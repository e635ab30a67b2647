"""The technician's workshop: builds, cuts, boots and updates the box's image.

Runs on the builder's machine, never on a terminal. What a terminal runs is in appliance/.
"""
