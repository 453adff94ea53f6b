"""`voxproof bench long`: time and memory against the length of a recording."""

from __future__ import annotations

import json
from pathlib import Path

import click

HEAD = """# Long recordings

Stereo, 44.1 kHz, 16 bit: speech, pauses and noise, made by the bench itself. Every length is examined by the whole
battery in a process of its own; the budgets are 0.15 s of work per second of sound and 1.5 GB.

```
$ {command}
```

![Time and peak memory against the length](long.png)

"""


@click.command("long")
@click.option(
    "--minutes", type=click.FloatRange(0.1), multiple=True, help="A length; may be repeated.  [default: 10 30 60 180]"
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write long.md and long.png into this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.argument("clips", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def long_recordings(
    minutes: tuple[float, ...], seed: int, out: Path | None, as_json: bool, clips: tuple[Path, ...]
) -> int:
    """Examine long recordings made of CLIPS; what they take in time and memory. Exit 15 if a budget is exceeded."""
    from rich.console import Console

    from forensics.benches.long import MINUTES, draw, measure_long, table

    with Console(stderr=True).status("Long recordings…") as status:
        summary = measure_long(
            clips, minutes or MINUTES, seed, on_step=lambda text: status.update(f"Long recordings: {text}…")
        )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        lengths = "".join(f" --minutes {length:g}" for length in minutes)
        command = f"voxproof bench long{lengths} --seed {seed} --out {out} " + " ".join(map(str, clips))
        (out / "long.md").write_text(HEAD.format(command=command) + table(summary), encoding="utf-8")
        draw(summary, out / "long.png")
    click.echo(json.dumps(summary.as_dict()) if as_json else table(summary))
    return 15 if summary.complaints else 0
