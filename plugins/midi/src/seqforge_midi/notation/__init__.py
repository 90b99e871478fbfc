"""Songs as written music: measures, keys, staves, voices and note values, which are written as MusicXML.

The steps, in order: `measures` divides the time, `parts` distributes the notes to parts and staves, `quantisation`
moves them to a grid that can be written, `voices` makes chords that do not overlap, `note_values` divides them into
note values with ties and tuplets, `beams` joins them, and `musicxml` writes the elements.
"""
