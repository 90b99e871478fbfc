"""The verbs: train, load, generate, evaluate. The only room where plugins and the network meet.

People who write Python and the command line both come in through here.
"""

from seqforge.forge.model import Generated, Model, choose, load
from seqforge.forge.record import Sampled
from seqforge.forge.session import Started, train

__all__ = ["Generated", "Model", "Sampled", "Started", "choose", "load", "train"]
