"""The texts of the printed pages in one language, out of the catalogue beside this file."""

import json
from importlib import resources

LANGUAGES = ("en", "es", "zh-Hans")


def catalogue(language: str) -> dict[str, str]:
    """Name -> text of one of `LANGUAGES`."""
    found = resources.files(__package__).joinpath(f"{language}.json").read_text("utf-8")
    return {str(name): str(text) for name, text in json.loads(found).items()}
