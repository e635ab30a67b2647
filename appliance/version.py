"""Which software this is, and a moment that is certainly past: the time floor of a new box."""

from importlib.metadata import PackageNotFoundError, version

BUILD_TIME = 1_795_305_600  # 2026-11-22T00:00:00Z, raised with every release


def software() -> str:
    """`yardpass 0.1.0`; a bare checkout without installation says so."""
    try:
        return f"yardpass {version('yardpass')}"
    except PackageNotFoundError:
        return "yardpass (not installed)"
