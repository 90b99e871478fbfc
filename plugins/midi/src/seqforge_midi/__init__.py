"""The MIDI plugin of seqforge."""

from seqforge_midi.codec import MidiCodec
from seqforge_midi.options import MidiOptions
from seqforge_midi.plugin import Midi
from seqforge_midi.request import MidiRequest
from seqforge_midi.song import Song

__all__ = ["Midi", "MidiCodec", "MidiOptions", "MidiRequest", "Song"]
