"""Which software this is, and a moment that is certainly past: the time floor of a new box."""

from pathlib import Path

BUILD_TIME = 1_795_305_600  # 2026-11-22T00:00:00Z, raised with every release
RELEASE = Path("/usr/lib/os-release")  # of an image: os-release(5), IMAGE_ID and IMAGE_VERSION
MAX_RELEASE = 65_536  # bytes of it that are read
_NAME = "yardpass"


def software(release: Path = RELEASE) -> str:
    """`yardpass 0.1.0`, in an image `yardpass 0.1.0-1795305600` with the time it was built; a bare
    checkout without installation says so."""
    # Not before it is asked: relayd does without, and the gate waits for relayd.
    from importlib import metadata

    try:
        installed = metadata.version(_NAME)
    except metadata.PackageNotFoundError:
        return f"{_NAME} (not installed)"
    return f"{_NAME} {_image(release, installed) or installed}"


def shown(software: str) -> str:
    """`0.1.0-1795305600`, where a line has the space of a word."""
    return software.removeprefix(f"{_NAME} ")


def _image(release: Path, installed: str) -> str:
    """The version of the image that this runs from, if it is one of this release."""
    try:
        with release.open(encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_RELEASE)
    except OSError:
        return ""
    pairs = (line.partition("=") for line in text.splitlines())
    found = {name: value.strip('"') for name, _, value in pairs}
    image = found.get("IMAGE_VERSION", "")
    is_ours = found.get("IMAGE_ID", "").startswith(f"{_NAME}-")
    return image if is_ours and image.startswith(f"{installed}-") else ""
