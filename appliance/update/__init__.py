"""Updates of a box: which slot it starts from, what may be installed, when it is well (pure parts
say so). Two slots take turns; the one that works stays until the other has shown that it does too.
"""
