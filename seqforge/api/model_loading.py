"""Loading of models: the model file, its plugin, and the codec on which both must agree."""

from pathlib import Path
from typing import Any, get_args

from seqforge.api.arguments import check_path
from seqforge.api.model import Model
from seqforge.api.model_paths import resolve_model
from seqforge.core.options import build_options
from seqforge.errors import DamagedFileError, OptionsError, listing
from seqforge.inference import CPU, NetworkWeights, device_products
from seqforge.modelfile import ModelHeader, member_arrays, read_model
from seqforge.plugin import AnyCodec, AnyPlugin, registry
from seqforge.plugin.alignment import aligned_history
from seqforge.plugin.validation import validate_codec
from seqforge.sampling import Precision

__all__ = ["codec_from_header", "load"]


def load(name: str | Path, *, precision: Precision = "float32", device: str = "cpu") -> Model:
    """Return a model.

    Example:
        model = seqforge.load("runs/abc/0001")
        model = seqforge.load("chorales")

    Args:
        name: A model file, a run folder, a plugin's name or a shipped model's name; see
            `seqforge.api.model_paths.resolve_model`.
        precision: Precision of the matrix products in generation: "float32", "bfloat16" or "int8". Evaluation and
            scores always use float32.
        device: The device of the matrix products in generation: "cpu", which needs no torch, or a device of torch, such
            as "cuda", "cuda:1" or "mps". All other operations, evaluation and scores use the processor.

    Raises:
        RequestError: If there is no such model.
        DamagedFileError: If the file is damaged.
        OptionsError: If the precision or the device is not allowed.
        PluginError: If the model's plugin is not installed.
    """
    check_path("name", name, "a name or a path")
    if precision not in get_args(Precision):
        raise OptionsError.invalid("precision", precision, f"one of {listing(get_args(Precision))}")
    if not isinstance(device, str):
        raise OptionsError.invalid("device", device, "the name of a device, such as cpu or cuda")
    if device != CPU:
        device_products(device, precision)  # before anything is read
    path = resolve_model(name).path
    header, arrays = read_model(path)
    plugin = registry.load(header.plugin)
    options = build_options(plugin.Options, header.options, owner=f"the plugin {plugin.name!r}")
    codec = codec_from_header(header, plugin, options, path)
    parts = member_arrays(arrays, header.members)
    weights = [NetworkWeights(header.space, header.network, part) for part in parts]
    return Model(header, weights, plugin, codec, options=options, path=path, precision=precision, device=device)


def codec_from_header(header: ModelHeader, plugin: AnyPlugin, options: Any, path: Path) -> AnyCodec:
    """Return the codec of a model file.

    Args:
        header: The header of the file.
        plugin: The plugin of the model's domain.
        options: The plugin's options, from the header.
        path: The path of the file, for messages.

    Raises:
        DamagedFileError: If the codec is damaged, is from a later release of the plugin, or does not fit the network.
    """
    version, current = header.codec.get("version"), plugin.codec.version
    if not isinstance(version, int) or version > current:
        raise DamagedFileError(
            f"{path} cannot be used: its codec has version {version!r}, and the installed plugin {plugin.name!r}"
            f" reads up to {current}; update {plugin.distribution()}"
        )
    try:
        data = header.codec["data"]
        if version < current:
            data = plugin.codec.upgrade_state(data, version)
        codec = plugin.codec.from_state(data, header.arrays, options)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        if version < current:
            reason = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
            raise DamagedFileError(
                f"{path} cannot be used: its codec has version {version}, which {plugin.distribution()} with version"
                f" {current} cannot read ({reason}); install an earlier release of {plugin.distribution()}, or train"
                " again"
            ) from error
        reason = f"{type(error).__name__}: {error}"
        raise DamagedFileError(f"{path} cannot be used: its codec is damaged ({reason})") from error
    codec = validate_codec(plugin, codec, "from_state")
    labels = {name: tuple(values) for name, values in codec.labels.items()}
    symbols = 0 if codec.source is None else codec.source.size + 1
    fits = codec.space == header.space and labels == header.labels and symbols == header.network.source_symbols
    looks_back = not header.network.distances or aligned_history(plugin, codec) is not None
    if not fits or not looks_back or codec.features not in (0, header.network.features):
        raise DamagedFileError(f"{path} cannot be used: its codec does not fit its network")
    return codec
