"""The commands of `yardpass`, one module a group: they read arguments and print, no more."""
