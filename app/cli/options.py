"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LibraryOption = Annotated[
    Path, typer.Option("--library", help="Library folder.", show_default=False)
]
DetectorOption = Annotated[
    str | None, typer.Option(help="YOLO weights (.pt, .onnx, .engine), or an installed name.")
]
EmbedderOption = Annotated[
    str | None,
    typer.Option(help="Embedder (.safetensors, .onnx), or an installed name."),
]
AggregatorOption = Annotated[
    str | None,
    typer.Option(help="Refines rankings by their neighbours (.safetensors), or an installed name."),
]
RerankerOption = Annotated[
    str | None,
    typer.Option(help="Compares the best hits in pairs (.safetensors), or an installed name."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, everything else on stderr.")
]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda:0, …", show_default="auto")]
