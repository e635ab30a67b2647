"""`yardpass bench`: the floors of the product as ratios measured in one run."""
