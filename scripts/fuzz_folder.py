"""A folder of mutants through the real command line, for ``scripts/fuzz``."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from vaenhance import photo

ENDINGS = {"jpeg": ".jpg", "tiff": ".tif", "heif": ".heic"}


def enhance_folder(
    files: Iterable[tuple[str, str, bytes]],
    folder: Path,
    model: str | None,
    max_megapixels: float,
) -> tuple[Counter[str], list[str]]:
    """Writes files into a folder and enhances it with one command.

    Args:
        files: (group, label, file).
        folder: an empty one, for sources and results.
        model: a model folder; None writes the pixels that were read.
        max_megapixels: larger ones are to be refused.

    Returns:
        (how many were enhanced and failed; what is wrong with the run).
    """
    source, target = folder / "in", folder / "out"
    source.mkdir(parents=True)
    for number, (group, _, data) in enumerate(files):
        kind = group.partition(",")[0]
        (source / f"{number:05}{ENDINGS.get(kind, '.' + kind)}").write_bytes(data)
    before = _fingerprints(source)
    command = [sys.executable, "-m", "vaenhance", "enhance", str(source), str(target)]
    command += ["--json", "--max-megapixels", str(max_megapixels), "--quality", "90"]
    command += ["--model", model] if model else ["--strength", "0"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    counts = Counter(record["status"] for record in records)
    return counts, _faults(result, records, before, source, target)


def _faults(
    result: subprocess.CompletedProcess[str],
    records: list[dict[str, str]],
    before: dict[str, str],
    source: Path,
    target: Path,
) -> list[str]:
    found = []
    if result.returncode != 1 or "Traceback" in result.stderr:
        found.append(f"exit code {result.returncode}: {result.stderr[-2000:]}")
    if len(records) != len(before):
        found.append(f"{len(records)} records of {len(before)} files")
    if _fingerprints(source) != before:
        found.append("the folder was changed")
    written = {path.name for path in target.rglob("*")}
    wanted = {Path(r["target"]).name for r in records if r["status"] == "enhanced"}
    if written != wanted:
        found.append(f"written and not told of, or the reverse: {written ^ wanted}")
    for record in records:
        reason = record.get("error", "")
        if record["status"] == "enhanced":
            photo.read_photo(Path(record["target"]))
        elif not reason or "\n" in reason or reason.startswith("unexpected"):
            found.append(f"{record['source']}: {reason!r}")
    return found


def _fingerprints(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }
