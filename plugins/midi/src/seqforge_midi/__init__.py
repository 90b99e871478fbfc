"""MIDI files for seqforge."""

from seqforge_midi.asking import Request
from seqforge_midi.codec import MidiCodec
from seqforge_midi.options import Options
from seqforge_midi.plugin import Midi
from seqforge_midi.song import Song

__all__ = ["Midi", "MidiCodec", "Options", "Request", "Song"]
