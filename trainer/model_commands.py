"""Commands about one network: convert a published checkpoint, measure, export to ONNX.

Exit statuses: 0 done, 1 a network or file cannot be used, 2 wrong usage.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainer.command_errors import check_place, errors_told

if TYPE_CHECKING:
    from torch import nn

    from reid_models.model_card import ModelCard
    from reid_models.nformer import NFormer

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]


Method = Annotated[str, typer.Argument(help="transreid, nformer, rrid or cacenet.")]
Checkpoint = Annotated[Path, typer.Argument(help="The published .pth file.")]
Out = Annotated[Path, typer.Option(help="The model file to write, *.safetensors.")]
ImageSize = Annotated[
    str,
    typer.Option(
        metavar="H,W", help="Height and width it was trained with; 384,128 for RRID, CACE-Net."
    ),
]
Views = Annotated[
    int | None,
    typer.Option(help="TransReID of vehicles: how many views its side information knows."),
]
Untold = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another setting that the weights do not tell, such as jpm_shift=8 or "
        "neck_feature=after; again for each.",
    ),
]
CameraNames = Annotated[
    str,
    typer.Option(
        metavar="A,B,…",
        help="Names of the training's cameras in the order of their numbers; crops of other "
        "cameras get the mean of them.",
    ),
]
TrainedOn = Annotated[list[str] | None, typer.Option(help="Name of a data set; again for each.")]
Terms = Annotated[str, typer.Option(help="Terms of use of the weights.")]
Half = Annotated[bool, typer.Option("--half", help="Store weights as float16: half the size.")]


def convert(
    method: Method,
    checkpoint: Checkpoint,
    out: Out,
    image_size: ImageSize = "256,128",
    views: Views = None,
    settings: Untold = None,
    camera_names: CameraNames = "",
    trained_on: TrainedOn = None,
    terms: Terms = "",
    half: Half = False,
) -> None:
    """Turns a published checkpoint into a model file that Retrace opens.

    Width, depth, stride, cameras and identities are read off the weights. No code in the file is
    run. NFormer's checkpoint holds two networks and becomes two files: FILE, and FILE-encoder
    with the embedder that it refines.

    Example: `python -m trainer convert transreid published.pth --out transreid.safetensors`
    """
    from reid_models.convert import convert_official

    overrides, size = _settings(settings or ()), _size(image_size)
    if views is not None:
        overrides["views"] = views
    facts = {
        "camera_table": _numbered(camera_names),
        "trained_on": tuple(trained_on or ()),
        "terms": terms,
    }
    with errors_told():
        check_place(out, ".safetensors")
        network, report = convert_official(method, checkpoint, image_size=size, **overrides)
        for line in report.lines():
            typer.echo(line)
        _save(network, out, facts, half)


def summary(
    model: Annotated[str, typer.Argument(help="A model file, or the name of a network.")],
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bf16.")] = "auto",
    batch: Annotated[int, typer.Option(min=1, help="Crops at a time; 32 suits a GPU.")] = 1,
    runs: Annotated[int, typer.Option(min=0, help="Timed runs; 0: no time.")] = 5,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, where MODEL is a name."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tells a network's parameters, work for a crop, vector size and time on this device.

    A multiplication with its addition counts as two operations (GFLOPs); papers that count it as
    one print half the number.

    Examples: `python -m trainer summary transreid.safetensors --device cuda --batch 32`

    `python -m trainer summary transreid --set stride=12 --set jpm=true`
    """
    from dataclasses import asdict

    from reid_models.summary import summarise

    with errors_told():
        network = _network(model, _settings(settings or ()))
        found = summarise(network, device, precision, batch=batch, runs=runs)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    time = "not measured" if found.ms is None else f"{found.ms:.2f} ms a {found.unit}"
    rows = {
        "network": f"{found.architecture} ({found.role})",
        "parameters": f"{found.parameters / 1e6:.2f} M",
        "work": f"{found.gflops:.3g} GFLOPs a {found.unit} (multiplication and addition: 2)",
        "vector": "none" if found.vector_size is None else f"{found.vector_size} values",
        "time": f"{time} ({found.device}, {found.precision}, {batch} at a time)",
    }
    for name, value in rows.items():
        typer.echo(f"{name:<11} {value}")


def onnx(
    model: Annotated[Path, typer.Argument(help="A model file of an embedder.")],
    out: Annotated[Path, typer.Option(help="The file to write, *.onnx; its card goes beside it.")],
    crops: Annotated[int, typer.Option(min=1, help="Random crops that prove it.")] = 8,
) -> None:
    """Exports an embedder to ONNX, and proves the file against the network.

    Retrace opens the file like one of its own, and so does `evaluate`.

    Example: `python -m trainer onnx transreid.safetensors --out transreid.onnx`
    """
    from reid_models.model_file import load_model
    from reid_models.onnx_export import export_onnx

    with errors_told():
        check_place(out, ".onnx")
        network: Any = load_model(model, role="embedder")[0]
        report = export_onnx(network, out, crops=crops)
    typer.echo(
        f"{out}: on {report.crops} random crops, vectors differ by {report.largest_difference:.1e} "
        f"at most, and their cosine is {report.lowest_cosine:.7f} at least"
    )


def _save(network: nn.Module, out: Path, facts: dict[str, Any], half: bool) -> None:
    """Writes the network; of an NFormer, its encoder in a file of its own."""
    from reid_models.model_card import ModelCard
    from reid_models.model_file import save_model
    from reid_models.nformer import NFormer

    needs = None
    if isinstance(network, NFormer) and network.encoder is not None:
        beside = out.with_name(f"{out.stem}-encoder{out.suffix}")
        card = ModelCard.of(network.encoder, **facts)
        card = save_model(beside, network.encoder, card, half=half)
        _tell(beside, card)
        needs = card.id
        network = _without_encoder(network)
    card = ModelCard.of(network, **facts, requires_embedder=needs)
    _tell(out, save_model(out, network, card, half=half))


def _without_encoder(network: NFormer) -> NFormer:
    from reid_models.nformer import NFormer

    alone = NFormer(replace(network.config, encoder=None))
    alone.load_state_dict(
        {
            name: tensor
            for name, tensor in network.state_dict().items()
            if not name.startswith("encoder.")
        }
    )
    return alone.eval()


def _tell(path: Path, card: ModelCard) -> None:
    typer.echo(f"{path}: {card.role} {card.id}, {path.stat().st_size / 1e6:.1f} MB")


def _network(model: str, settings: dict[str, Any]) -> nn.Module:
    from reid_models.model_file import load_model
    from reid_models.registry import create_model, list_models

    if model in list_models():
        return create_model(model, **settings)
    if settings:
        raise typer.BadParameter("a model file has its settings in its card", param_hint="'--set'")
    return load_model(model)[0]


def _settings(texts: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE each; a value is what JSON reads, else text: 8, true, [384,128], after."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="'--set'")
        try:
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = value
    return found


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().replace("x", ",").split(",")
    if len(sides) != 2 or not all(side.strip().isdecimal() and int(side) for side in sides):
        raise typer.BadParameter(
            f"{text!r} is not height and width, such as 256,128", param_hint="'--image-size'"
        )
    return int(sides[0]), int(sides[1])


def _numbered(names: str) -> dict[str, int]:
    listed = [name.strip() for name in names.split(",") if name.strip()]
    if len(set(listed)) != len(listed):
        raise typer.BadParameter("a name stands there twice", param_hint="'--camera-names'")
    return {name: number for number, name in enumerate(listed)}
