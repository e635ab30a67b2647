"""Draws the wallet's icons as PNG, for phones that take no SVG: `python tests/icons.py`.

Needs Debian's librsvg2-bin. An iPhone shows `icon-180.png` on its home screen, cut to its shape.
"""

import io
import subprocess
from pathlib import Path

from PIL import Image

PAGE = Path(__file__).parent.parent / "appliance" / "wallet"
ICONS = {
    "icon-180.png": ("icon-maskable.svg", 180),
    "icon-192.png": ("icon.svg", 192),
    "icon-512.png": ("icon.svg", 512),
    "icon-maskable-512.png": ("icon-maskable.svg", 512),
}
COLOURS = 32  # of three, and what lies between them at edges


def drawn(name, size):
    command = ["rsvg-convert", "--width", str(size), "--height", str(size), str(PAGE / name)]
    made = subprocess.run(command, check=True, capture_output=True).stdout
    return Image.open(io.BytesIO(made)).convert("RGBA")


def main():
    for target, (source, size) in ICONS.items():
        found = drawn(source, size)
        if source == "icon-maskable.svg":
            found = found.convert("RGB")  # nothing may shine through
        method = Image.Quantize.FASTOCTREE
        found.quantize(COLOURS, method=method).save(PAGE / target, optimize=True)


if __name__ == "__main__":
    main()
