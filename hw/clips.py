"""The compound's own sounds: WAV files in a folder, read once. Knows no player.

A clip is a file GREEN.wav and so on; those of a language stand in a folder of its tag (`es`), and
come before the others. It is read at the start, so a stick that is pulled out later changes
nothing. It must say nothing that not everybody may hear.
"""

import io
import wave
from collections.abc import Mapping
from pathlib import Path

from hw.errors import Refused, Unavailable
from hw.ports import Signal
from hw.tones import tone

MAX_CLIP_BYTES = 2_000_000


def clips_in(folder: str, longest_ms: int, language: str = "") -> Mapping[Signal, bytes]:
    """Signal -> WAV file of it: the folder's clip of that language, the folder's own, or a tone
    where there is none.

    Raises `Refused` for a clip that is none or too long, or whose name is no signal's.
    """
    clips = {signal: clip for signal in Signal if (clip := tone(signal))}
    if not folder:
        return clips
    if not Path(folder).is_dir():
        raise Refused(
            f"{folder!r} is no folder of clips; make it, or leave folder out", reason="R-SETTINGS"
        )
    names = {f"{signal.name}.wav": signal for signal in clips}
    places = [Path(folder), *([Path(folder, language)] if language else [])]
    for path in (path for place in places for path in sorted(place.glob("*.wav"))):
        if path.name not in names:
            raise Refused(
                f"{path} is the clip of no signal; name it one of {', '.join(names)}",
                reason="R-SETTINGS",
            )
        clips[names[path.name]] = _read(path, longest_ms)
    return clips


def _read(path: Path, longest_ms: int) -> bytes:
    try:
        with path.open("rb") as file:
            clip = file.read(MAX_CLIP_BYTES + 1)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error}); check its owner and mode") from error
    try:
        check_clip(clip, longest_ms)
    except Refused as refused:
        raise Refused(f"{path}: {refused}", reason=refused.reason) from refused
    return clip


def check_clip(clip: bytes, longest_ms: int) -> None:
    """Raise `Refused` unless this is a WAV file of a bearable size and length."""
    if len(clip) > MAX_CLIP_BYTES:
        raise Refused(f"over {MAX_CLIP_BYTES} bytes; cut it", reason="R-SETTINGS")
    try:
        with wave.open(io.BytesIO(clip), "rb") as opened:
            frames, rate = opened.getnframes(), opened.getframerate()
    except (wave.Error, EOFError, RuntimeError, ValueError, OSError) as error:
        raise Refused(
            f"no WAV file ({error}); convert it with 'sox IN -b 16 OUT.wav'", reason="R-SETTINGS"
        ) from error
    if not 0 < frames * 1_000 <= longest_ms * rate:
        raise Refused(
            f"{frames} samples at {rate} a second; a clip lasts up to {longest_ms} ms",
            reason="R-SETTINGS",
        )
