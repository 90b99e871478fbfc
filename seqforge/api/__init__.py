"""The operations of seqforge: train, load, generate, evaluate. The only place where plugins and networks meet.

Python users import `train`, `load` and `Model` from `seqforge`; the command line imports the modules here. The modules
`model_paths` and `runs` import no torch.
"""
