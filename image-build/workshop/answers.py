"""What a guest must have said when it has done what it was asked: a pattern, and what it shows
(pure)."""

REFUSALS = {
    r"stranger: .*(signature|verif|certificate)": "another's key is refused",
    r"older: .*not newer": "an older version is refused",
    r"verity: .*corrupted": "a changed bit is found by the hash tree",
    r"tampered: .*failed": "a changed bit stops the update",
    r"truncated: .*Invalid bundle format": "half a bundle is refused",
    r"good: .*the gate is open": "nothing is changed while the gate is open",
}
FULL = {
    r"LEFT 0": "the data partition is full",
    r"good: .*takes no write": "nothing is installed that could not be found well",
    r"doctor: FAIL +space .*; free disk space": "the doctor says what to do",
    r"health: .*takes no write": "the health check says so",
    r"gate: .*(GREEN|NOT RECORDED)": "the gate goes on deciding",
}
VERBS = {
    r"validate: slot (a|b) is kept": "the slot that runs is kept",
    r"prevent-revert: slot (a|b) is empty": "the other one is emptied",
    r"revert: .*going back was prevented": "and is not gone back to",
}
NEW = {
    r"LEFT store$": "of the terminal nothing is left",
    r"ON DISK journal lost\+found rauc yardpass$": "nor of its updates",
    r"doctor: FAIL +settings": "it is a new box",
}
