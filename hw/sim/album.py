"""Pictures of the sim as files, so that they travel the same way as a camera's."""

from pathlib import Path

from PIL import Image

from hw.ports import Luma


def save(picture: Luma, path: Path) -> None:
    """Writes `picture` as a grey PNG without loss."""
    Image.fromarray(picture).save(path, format="PNG", compress_level=1)
