"""Encodings of scores with which tests walk through automata."""

from seqforge_midi import MidiOptions
from seqforge_midi.codec import make_encoding

ENCODINGS = {
    "plain": make_encoding(MidiOptions()),
    "microtiming": make_encoding(MidiOptions(grid=4, microtiming=12)),
    "controllers": make_encoding(MidiOptions(grid=4, controllers="sustain,bend")),
    "both": make_encoding(MidiOptions(grid=4, microtiming=4, controllers="sustain,bend")),
}
