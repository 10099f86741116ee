"""The only room that knows sound formats.

    forms      encodings, rates, lengths and their limits        sound         whole sounds in memory
    cutting    stretches replaced by silence, a tone or noise    activity      where somebody speaks, and how loud
    keyed      keys pressed on a telephone                       voice         voices disguised
    riff       the strict walker of WAV and RF64                 recorded      a delivered file, block by block
    decoding   asking for a compressed sound                     decoder       the process that opens it
    confinement   what that process gives up before it does

It touches streams that it is handed, and the decoder process. It does not resample, mix, compress or play.
"""

from __future__ import annotations

from arlo_rec.audio.cutting import Fill, Stretch, cut
from arlo_rec.audio.cutting import problems as cut_problems
from arlo_rec.audio.decoding import Decoder, decoder_process
from arlo_rec.audio.forms import MAX_DATA, RATE_HIGHEST, RATE_LOWEST, Encoding, Format, Header, Sound, frames_before
from arlo_rec.audio.recorded import ENDINGS, Recorded, recognise, without_first
from arlo_rec.audio.riff import MAX_CHUNKS, canonical_header
from arlo_rec.audio.sound import as_pcm16, canonical_pieces, canonical_wav, keep_channel, pieces_of, probe, read_wav

__all__ = [
    "ENDINGS",
    "MAX_CHUNKS",
    "MAX_DATA",
    "RATE_HIGHEST",
    "RATE_LOWEST",
    "Decoder",
    "Encoding",
    "Fill",
    "Format",
    "Header",
    "Recorded",
    "Sound",
    "Stretch",
    "as_pcm16",
    "canonical_header",
    "canonical_pieces",
    "canonical_wav",
    "cut",
    "cut_problems",
    "decoder_process",
    "frames_before",
    "keep_channel",
    "pieces_of",
    "probe",
    "read_wav",
    "recognise",
    "without_first",
]
