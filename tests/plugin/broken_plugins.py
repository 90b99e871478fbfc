"""Code of plugins whose declaration breaks the contract, with a fragment of the error message."""

from fakekit import PLUGIN


def with_fields(name: str, *fields: str, frozen: bool = True) -> str:
    """Return the code of a plugin whose Options or Request have these fields."""
    kind = f"@dataclass(frozen={frozen})\nclass Fields:\n" + "".join(f"    {field} = 3\n" for field in fields)
    return "from dataclasses import dataclass\n" + kind + PLUGIN + f"    {name} = Fields\n"


def replaced(old: str, new: str) -> str:
    """Return the code of a plugin with a part replaced."""
    assert old in PLUGIN
    return PLUGIN.replace(old, new)


BROKEN = {
    "import": ("import no_such_library\n" + PLUGIN, "ModuleNotFoundError: No module named 'no_such_library'"),
    "syntax": ("def (", "does not import: SyntaxError"),
    "exit": ("raise SystemExit(3)\n" + PLUGIN, "does not import: SystemExit: 3"),
    "no such class": (replaced("class Good", "class Other"), "does not import: AttributeError"),
    "another class": ("class Good: pass\n", "not a subclass of seqforge.Plugin"),
    "an instance": (PLUGIN + "\nGood = Good()\n", "not a subclass of seqforge.Plugin"),
    "api": (replaced('name = "good"', 'name = "good"; api = 7'), "api 7, and this seqforge has api 2"),
    "method": (replaced("def read(", "def reads(self): ...\n    def reed("), "lacks read"),
    "method of codec": (replaced("def tokenise(", "def tokenize("), "Codec lacks tokenise"),
    "writes": (replaced('writes = (".good",)', ""), "lacks writes"),
    "codec": (replaced("codec = Codec", "codec = dict"), "not a subclass of seqforge.Codec"),
    "name": (replaced('name = "good"', 'name = "bad"'), "name 'bad'"),
    "reserved": (with_fields("Options", "hidden: int", "tempo: int", "seed: int"), "fields hidden, seed,"),
    "request": (with_fields("Request", "length: int"), "fields length,"),
    "not frozen": (with_fields("Options", "tempo: int", frozen=False), "Options is not a frozen dataclass"),
    "not a dataclass": (PLUGIN + "    class Request:\n        tempo = 3\n", "Request is not a frozen dataclass"),
    "field": (with_fields("Options", "scale: dict"), "Options.scale has the type"),
    "init": (PLUGIN + "    def __init__(self): raise RuntimeError('no')\n", "cannot be constructed: RuntimeError: no"),
}
