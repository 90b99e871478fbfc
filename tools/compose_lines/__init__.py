"""Composes lines of handwriting from the words and characters of real writers, with many digits and capitals.

Lines of UNIPEN contain few digits and capitals, so a network learns their shapes slowly. `alignment` finds where the
characters of a text stand in its ink, by the attention of a trained model; `units` collects the words and the single
characters of a writer; `composition` puts lines together from the units of one writer.
"""
