"""How a benchmark looks: Markdown, from what benchmark.py collected.

Nothing is measured here, and nothing printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vaenhance.cli.tables import markdown

PHOTOGRAPH = 12.0  # megapixels, of a telephone
TITLES = {
    "vaenhance-float32": "vaenhance float32",
    "vaenhance-bfloat16": "vaenhance bfloat16",
    "opencv-nlm": "OpenCV non-local means",
    "opencv-bilateral": "OpenCV bilateral",
    "opencv-median": "OpenCV median",
    "bm3d": "bm3d (CBM3D, told the noise)",
}


def lines(result: dict[str, Any]) -> list[str]:
    """The report: the machine, one row a method, and the filters' settings."""
    return [
        *_heading(result),
        "",
        *markdown(_table(result)),
        *_notes(result),
        *_settings(result),
    ]


def _heading(result: dict[str, Any]) -> Iterator[str]:
    machine = result["machine"]
    yield (
        f"{machine['processor']}, {machine['cores']} cores, {result['threads']} "
        f"threads for each method; {machine['system']}; load before: "
        f"{machine['load_before']}"
    )
    yield ""
    yield ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    yield ""
    weights = str(machine["weights_sha256"])[:12]
    yield f"Model {machine['model']} (weights {weights}). Folder {result['folder']}."


def _table(result: dict[str, Any]) -> list[list[str]]:
    """Cells of the table, the headings first; columns without figures are left out."""
    methods = result["methods"]
    every = [entry for method in methods for entry in method["quality"]]
    columns = list(dict.fromkeys(entry["degradation"] for entry in every))
    timed = any("speed" in method for method in methods)
    full = any("full" in method for method in methods)
    head = ["method", *(["input"] if columns else []), *columns]
    if timed:
        head += ["MP/s", "12 MP, s (computed)"]
        head += ["12 MP, s (measured)"] if full else []
        head += ["peak memory, MB", "first image, s"]
    table = [head]
    for region in dict.fromkeys(entry["region"] for entry in every) or [""]:
        here = [entry for entry in every if entry["region"] == region]
        suffix = f", {region}" if region else ""
        for kind in ("unclipped", "8-bit"):
            # Of several methods with this input the first one's figures are all's.
            same = [entry for entry in here if entry["input"] == kind]
            if same:
                cells = _quality(same, columns, "input")
                table.append([f"input{suffix}", kind, *cells])
        for method in methods:
            own = [e for e in method["quality"] if e["region"] == region]
            is_timed = timed and (not region or method["method"] == "bm3d")
            if every and not own:
                continue
            kinds = "/".join(dict.fromkeys(entry["input"] for entry in own))
            row = [TITLES[method["method"]] + suffix, *([kinds] if columns else [])]
            row += _quality(own, columns, "enhanced")
            table.append(row + (_speed(method, full) if is_timed else []))
    return [row + ["–"] * (len(head) - len(row)) for row in table]


def _quality(
    entries: Sequence[dict[str, Any]], columns: Sequence[str], which: str
) -> list[str]:
    """PSNR / SSIM of each degradation, or a dash."""
    found: dict[str, str] = {}
    for entry in entries:
        figures = f"{entry[f'psnr_{which}']:.2f} / {entry[f'ssim_{which}']:.4f}"
        found.setdefault(entry["degradation"], figures)
    return [found.get(column, "–") for column in columns]


def _speed(method: dict[str, Any], full: bool) -> list[str]:
    """Rate, a 12-megapixel photograph, memory, start."""
    rate = method["speed"]["megapixels_a_second"]
    cells = [f"{rate:.3g}", f"{PHOTOGRAPH / rate:.3g}"]
    if full:
        measured = method.get("full")
        cells.append(f"{measured['median_seconds']:.3g}" if measured else "–")
    largest = method.get("full", method["speed"])
    memory = f"{largest['peak_megabytes']:.0f} ({largest['megapixels']:.3g} MP)"
    return [*cells, memory, f"{method['first_image_seconds']:.2f}"]


def _notes(result: dict[str, Any]) -> Iterator[str]:
    """What the columns mean, and the commands' times."""
    every = [entry for method in result["methods"] for entry in method["quality"]]
    if every:
        images = " or ".join(map(str, sorted({entry["images"] for entry in every})))
        yield ""
        yield (
            f"PSNR (dB) / SSIM: means over {images} images, RGB, output clipped to "
            f"0..1, noise of seed {result['seed']}. 8-bit input is clipped and rounded."
        )
    if "commands" in result:
        yield ""
        yield (
            f"Times: medians of {result['repeats']} after a warm-up "
            f"({min(result['repeats'], 3)} at 12 MP), 8-bit pixels in memory, no "
            "decoding; one process at a time."
        )
        yield ""
        for name, seconds in result["commands"].items():
            yield f"- `{name}`: {seconds:.2f} s, the whole command"


def _settings(result: dict[str, Any]) -> Iterator[str]:
    """What was chosen for the filters, one line for each degradation."""
    chosen = [
        (method["method"], entry)
        for method in result["methods"]
        for entry in method["quality"]
        if entry["settings"] and method["method"] != "bm3d"
    ]
    if chosen:
        yield ""
        yield (
            "Settings of the filters, those with the highest PSNR on the middles of "
            "these very photographs:"
        )
        yield ""
    for method, entry in chosen:
        values = ", ".join(f"{k} {v:g}" for k, v in entry["settings"].items())
        region = f", {entry['region']}" if entry["region"] else ""
        yield f"- {TITLES[method]}, {entry['degradation']}{region}: {values}"
