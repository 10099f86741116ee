"""Read, write, cut and analyse sound; the only package that knows sound formats.

    formats    encodings, sample rates, lengths and limits       sound         whole sounds in memory
    cutting    replace spans by silence, a tone or noise         activity      voice, level, and keys of a telephone
    riff       strict parser of WAV and RF64                     sound_file    read a delivered file block by block
    decoder    the process that decodes compressed sound         encoding     a stored sound as MP3 or WAV for a person
    legs       two mono sounds of one call as a stereo sound

It reads streams that it is given and starts the decoder process. It does not mix or play sound; resampling
for speech engines is in `words.engine`.
"""

from __future__ import annotations

from arlo_rec.sound.audio.cutting import FADE, Fill, Stretch, cut
from arlo_rec.sound.audio.cutting import find_problems as find_cut_problems
from arlo_rec.sound.audio.encoding import (
    MP3,
    MP3_BYTES_A_SAMPLE,
    MP3_RATES,
    WAV,
    SoundEncoder,
    pcm16_header,
    read_blocks,
)
from arlo_rec.sound.audio.formats import (
    MAX_DATA,
    RATE_HIGHEST,
    RATE_LOWEST,
    Encoding,
    Format,
    Header,
    Sound,
    frames_before,
)
from arlo_rec.sound.audio.legs import join_legs
from arlo_rec.sound.audio.riff import MAX_CHUNKS, canonical_header
from arlo_rec.sound.audio.sound import (
    as_pcm16,
    canonical_pieces,
    canonical_wav,
    iterate_pieces,
    keep_channel,
    probe,
    read_wav,
)
from arlo_rec.sound.audio.sound_file import ENDINGS, Decoder, SoundFile, decoder_process, recognise, skip_first

__all__ = [
    "ENDINGS",
    "FADE",
    "MAX_CHUNKS",
    "MAX_DATA",
    "MP3",
    "MP3_BYTES_A_SAMPLE",
    "MP3_RATES",
    "RATE_HIGHEST",
    "RATE_LOWEST",
    "WAV",
    "Decoder",
    "Encoding",
    "Fill",
    "Format",
    "Header",
    "Sound",
    "SoundEncoder",
    "SoundFile",
    "Stretch",
    "as_pcm16",
    "canonical_header",
    "canonical_pieces",
    "canonical_wav",
    "cut",
    "decoder_process",
    "find_cut_problems",
    "frames_before",
    "iterate_pieces",
    "join_legs",
    "keep_channel",
    "pcm16_header",
    "probe",
    "read_blocks",
    "read_wav",
    "recognise",
    "skip_first",
]
