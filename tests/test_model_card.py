"""The card of a shipped model: words from its configuration, scores from files."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import save_tiny_model, tiny_config
from vaenhance import checkpoint
from vaenhance.workflows.card import make_card
from vaenhance.workflows.evaluate import Settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
import model_card

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted(page.stem for page in (ROOT / "docs" / "models").glob("*.md"))
CONFIG = """
[card]
title = "small: a test"
purpose = "Tests."
data = "Nothing."
licence = "CC0-1.0"
sources = ["nowhere (0 images): CC0"]
limits = "Everything."
"""
ROW = {
    "degradation": "noise 25",
    "images": 3,
    "psnr_input": 20.17654,
    "psnr_enhanced": 31.5,
    "ssim_input": 0.3,
    "ssim_enhanced": 0.8,
    "precision": "float32",
    "protocol": {"luma": False},
    "per_image": [{"image": "private.png"}],
}


def small_model(folder: Path) -> Path:
    facts = {"device": "CPU", "precision": "float32", "images": 2, "megapixels": 0.1}
    facts |= {"fingerprint": "ab", "weights": 5}
    progress = {"step": 8, "seconds": 60, "skipped": 0, "init": "", "hours_before": 1}
    progress["teachers"] = [
        {"name": "large", "hours": 2.5, "weights_sha256": "ab" * 32}
    ]
    card = make_card(tiny_config(), facts, progress, {"validation_psnr": 20.0}, True)
    save_tiny_model(folder)
    before = json.loads((folder / "card.json").read_text())
    card["weights_sha256"] = before["weights_sha256"]
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def test_the_card_gets_words_and_scores_and_keeps_what_was_measured(tmp_path):
    folder = small_model(tmp_path / "small")
    before = json.loads((folder / "card.json").read_text())
    (tmp_path / "c.toml").write_text(CONFIG)
    luma = {**ROW, "degradation": "jpeg 10", "protocol": {"luma": True}}
    clean = {**ROW, "degradation": "clean", "psnr_input": None}
    (tmp_path / "a.json").write_text(f"{json.dumps(ROW)}\n{json.dumps(clean)}\n")
    (tmp_path / "b.json").write_text(json.dumps(luma))
    scaled = {
        **{"degradation": "clean", "scale": 2, "images": 3, "precision": "float32"},
        **{"psnr": 30.25, "ssim": 0.8, "psnr_back": 40.0},
        "protocol": {"luma": True, "consistent": True},
    }
    methods = ("bicubic", "small")
    large = [json.dumps({**scaled, "method": method}) for method in methods]
    (tmp_path / "c.json").write_text("\n".join(large))
    files = [f"--scores=bsd24={tmp_path / name}" for name in ("a.json", "b.json")]
    files += [f"--scores=set14={tmp_path / 'c.json'}"]
    lit = {"change": "low_light", "method": "OpenCV CLAHE", "images": 4}
    lit |= {"psnr": 11.78, "ssim": 0.49, "ciede2000": 21.62}
    (tmp_path / "d.json").write_text(json.dumps(lit))
    del lit["images"]  # the benchmark says it once
    both = {"images": 26, "rows": [{**lit, "method": "input"}]}
    (tmp_path / "e.json").write_text(json.dumps(both))
    files += [f"--scores=photos12 set14={tmp_path / 'e.json'}"]
    files += [f"--scores=photos12={tmp_path / 'd.json'}"]
    page = tmp_path / "models" / "small.md"
    config = str(tmp_path / "c.toml")
    given = [str(folder), "--config", config, *files, "--page", str(page)]
    assert model_card.main(given) == 0
    card = json.loads((folder / "card.json").read_text())
    assert card["title"] == "small: a test"
    assert card["data"]["images"] == 2
    assert card["training"] == before["training"]
    assert card["weights_sha256"] == before["weights_sha256"]
    assert card["scores"]["validation_psnr"] == 20.0
    scores = card["scores"]["bsd24"]
    assert list(scores) == ["noise 25", "clean", "jpeg 10, Y"]
    assert scores["noise 25"]["psnr_input"] == 20.1765
    assert "private" not in json.dumps(card)
    text = page.read_text()
    assert "| noise 25 | 20.18 | 31.50 | 0.3000 | 0.8000 |" in text
    assert "| clean | – | 31.50 |" in text
    assert "Everything." in text
    assert "Taught by: `large` (2.50 hours of training" in text
    assert "| x2, clean, bicubic | 30.25 | 0.8000 | 40.00 |" in text
    assert "| x2, clean, model, consistent | 30.25 |" in text
    assert "| low light, OpenCV CLAHE | 11.78 | 0.4900 | 21.62 |" in text
    assert "| low light, input | 11.78 | 0.4900 | 21.62 |" in text
    assert "`photos12 set14`: 26 images, spoilt in one way" in text


def test_the_page_shows_the_uncertainty_of_these_weights_only(tmp_path):
    card = json.loads((small_model(tmp_path / "small") / "card.json").read_text())
    row = {"within_1": 0.6812, "within_2": 0.951, "rank_correlation": 0.61}
    row |= {"rank_correlation_colors": 0.47, "ence": 0.05, "error": 6.5, "sigma": 6.61}
    card["uncertainty"] = {
        "weights_sha256": card["weights_sha256"],
        "photos12": {"precision": "float32", "rows": {"noise 25": row}},
    }
    line = "| noise 25 | 68.1 % | 95.1 % | 0.61 (0.47) | 0.050 | 6.50 | 6.61 |"
    assert line in model_card.page("small", card)
    card["weights_sha256"] = "of other weights"
    assert "## Uncertainty" not in model_card.page("small", card)


def test_scores_stay_where_no_others_are_given(tmp_path):
    folder = small_model(tmp_path / "small")
    (tmp_path / "c.toml").write_text(CONFIG)
    scores = json.loads((folder / "card.json").read_text())["scores"]
    page = str(tmp_path / "small.md")
    given = [str(folder), "--config", str(tmp_path / "c.toml"), "--page", page]
    assert model_card.main(given) == 0
    assert json.loads((folder / "card.json").read_text())["scores"] == scores


def test_drawn_images_are_scored_by_the_script_that_measured_them(tmp_path):
    real = {"classifier_accuracy": 0.9923, "count": 2000, "frechet_distance": 1.59}
    drawn = {"model": "small", "temperature": "0.85", "count": 2000}
    drawn |= {"recognised": 0.987, "frechet_distance": 4.929}
    drawn |= {"nearest_training_image_rms": 0.2081, "smallest": 0.1}
    drawn["nearest_training_image_rms_of_unseen"] = 0.1912
    path = tmp_path / "a.json"
    path.write_text(f"{json.dumps(real)}\n{json.dumps(drawn)}\n")
    rows = dict(model_card.read_scores(path))
    assert list(rows) == ["real training images", "temperature 0.85"]
    card = json.loads((small_model(tmp_path / "small") / "card.json").read_text())
    page = model_card.page("small", {**card, "scores": {"mnist": rows}})
    assert "| real training images | – | 1.59 | – |" in page
    assert "| temperature 0.85 | 98.70 % | 4.93 | 0.208 |" in page
    assert "right for 99.23 % of the real test images" in page
    assert "0.191 of images nobody trained on" in page


def test_drawn_images_without_a_classifier_have_their_neighbours_alone(tmp_path):
    drawn = {"temperature": "1", "count": 16, "nearest_training_image_rms": 0.25}
    drawn["nearest_training_image_rms_of_unseen"] = 0.2
    (tmp_path / "a.json").write_text(json.dumps(drawn))
    rows = dict(model_card.read_scores(tmp_path / "a.json"))
    card = json.loads((small_model(tmp_path / "small") / "card.json").read_text())
    page = model_card.page("small", {**card, "scores": {"emoji64": rows}})
    assert "| temperature 1 | – | – | 0.250 |" in page
    assert "classifier" not in page


def test_the_page_tells_the_degradations_the_posterior_and_shows_a_picture(tmp_path):
    folder = small_model(tmp_path / "small")
    (tmp_path / "c.toml").write_text(CONFIG)
    level = {"level": "1/2", "channels": 4, "active": 3, "kl_per_value": 0.5}
    level |= {"kl_per_pixel": 0.5, "bits_per_pixel": 0.7213}
    drawn = {**ROW, "psnr_draw": 31.25, "psnr_mean_of_draws": 31.375}
    (tmp_path / "a.json").write_text(json.dumps({**drawn, "latents": [level]}))
    page = tmp_path / "docs" / "small.md"
    given = [str(folder), "--config", str(tmp_path / "c.toml"), "--page", str(page)]
    given += ["--scores", f"dev={tmp_path / 'a.json'}", "--picture", "../a.png"]
    assert model_card.main(given) == 0
    text = page.read_text(encoding="utf-8")
    assert "](../a.png)" in text
    # 0.1 clean, 0.8 noise and 0.3 JPEG of tiny_config.
    assert "| noise | 67 % | `noise_sigma` 0–55, " in text
    assert "`noise_known` 0.3" in text
    assert "camera_step" not in text
    assert "| camera |" not in text
    assert "| dev, noise 25 | 31.50 | 31.25 | 31.38 |" in text
    assert "| dev, noise 25 | 1/2 | 4 | 3 | 0.500 | 0.721 |" in text


# === The protocol ===


def measured(degradation: str = "noise 25", **changes: Any) -> dict[str, Any]:
    """A row of evaluate --json; changes of its protocol, images and precision."""
    row = {**ROW, "degradation": degradation}
    for name in ("images", "precision"):
        row[name] = changes.pop(name, row[name])
    drawn = {"psnr_draw": 31.25, "psnr_mean_of_draws": 31.375}
    protocol = asdict(Settings(**changes))
    return {**row, **(drawn if changes.get("draws") else {}), "protocol": protocol}


def enlarged(**changes: Any) -> dict[str, Any]:
    """A row of evaluate --scale --json; changes of its protocol."""
    row = {"degradation": "jpeg 40", "scale": 2, "method": "small", "images": 3}
    row |= {"psnr": 30.25, "ssim": 0.8, "psnr_back": 40.0, "precision": "float32"}
    protocol = {**asdict(Settings(luma=True, **changes)), "consistent": False}
    return {**row, "protocol": protocol}


def made(folder: Path, *files: list[dict[str, Any]]) -> tuple[int, str]:
    """The exit code with files of one name, 0.json and so on, and the page."""
    model = small_model(folder / "small")
    (folder / "c.toml").write_text(CONFIG)
    page = folder / "small.md"
    given = [str(model), "--config", str(folder / "c.toml"), "--page", str(page)]
    for number, rows in enumerate(files):
        path = folder / f"{number}.json"
        path.write_text("\n".join(json.dumps(row) for row in rows))
        given += ["--scores", f"dev={path}"]
    before = (model / "card.json").read_bytes()
    code = model_card.main(given)
    # Refused is refused as a whole: neither page nor card is written.
    assert page.exists() == (code == 0)
    assert ((model / "card.json").read_bytes() == before) == (code != 0)
    return code, page.read_text(encoding="utf-8") if code == 0 else ""


USUAL = "blind, noise unclipped, JPEG 4:2:0 by Pillow;"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([measured(), measured("jpeg 10")], USUAL),
        ([measured("jpeg 10", luma=True), measured()], USUAL),
        ([measured(clip=True)], "blind, input rounded to 8 bits;"),
        (
            [measured(known_noise=True), measured("jpeg 10", known_noise=True)],
            "σ of the noise told to the model, noise unclipped, JPEG 4:2:0 by Pillow;",
        ),
        (
            [measured("jpeg 10", subsampling="4:4:4", seed=3)],
            "blind, JPEG 4:4:4 by Pillow, seed 3;",
        ),
        ([measured("as given")], "blind, input as given;"),
        ([enlarged()], "on 8 bits, then degraded; PSNR"),
        (
            [enlarged(subsampling="4:4:4", clip=True, seed=3)],
            "then degraded (JPEG 4:4:4, rounded to 8 bits, seed 3); PSNR",
        ),
    ],
)
def test_the_page_states_the_protocol_that_was_measured(tmp_path, rows, words):
    code, page = made(tmp_path, rows)
    assert code == 0
    assert words in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clip": True}, "clip is False"),
        ({"known_noise": True}, "known_noise is False"),
        ({"subsampling": "4:4:4"}, "subsampling is 4:2:0"),
        ({"seed": 1}, "seed is 0"),
        ({"images": 2}, "images is 3"),
        ({"precision": "bfloat16"}, "precision is float32"),
    ],
)
@pytest.mark.parametrize("degradation", ["noise 25", "noise 50"])
def test_one_table_has_one_protocol(tmp_path, capsys, degradation, change, words):
    assert made(tmp_path, [measured()], [measured(degradation, **change)])[0] == 2
    said = capsys.readouterr().err
    assert f"dev: {words} in " in said
    assert "0.json (noise 25)" in said
    assert f"1.json ({degradation})" in said


def test_rows_of_one_file_have_one_protocol_too(tmp_path, capsys):
    assert made(tmp_path, [measured(), measured(clip=True)])[0] == 2
    assert "clip is False in " in capsys.readouterr().err


def test_one_table_has_rows_of_one_kind(tmp_path, capsys):
    assert made(tmp_path, [measured()], [enlarged()])[0] == 2
    assert "what is measured is evaluate in " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        ({}, {"draws": 4}, "--draws 4`"),
        ({"draws": 4}, {"draws": 4, "latents": True}, "--draws 4`"),
        ({"draws": 8}, {"draws": 4}, ""),
        ({"draws": 8}, {}, ""),
        ({"latents": True}, {"draws": 8}, ""),
    ],
)
def test_a_row_is_only_replaced_by_one_that_says_as_much(
    tmp_path, capsys, first, then, words
):
    rows = [measured("noise 50"), measured(**first)]
    code, page = made(tmp_path, rows, [measured(**then)])
    assert code == (0 if words else 2)
    assert words in page
    said = capsys.readouterr().err
    assert words or ("0.json" in said and "1.json" in said and "noise 25" in said)


def test_rows_with_other_draws_say_so(tmp_path):
    rows = [measured(draws=4), measured("noise 50", draws=8)]
    _, page = made(tmp_path, rows)
    assert "--draws K`" in page
    assert "| dev, noise 25, K = 4 | 31.50 | 31.25 |" in page
    assert "| dev, noise 50, K = 8 | 31.50 | 31.25 |" in page
    assert "What the levels say" not in page


def test_scores_that_were_kept_without_a_protocol_keep_their_words(tmp_path):
    card = json.loads((small_model(tmp_path / "small") / "card.json").read_text())
    old = {**measured(draws=8)}
    del old["protocol"]
    page = model_card.page("small", {**card, "scores": {"dev": {"noise 25": old}}})
    assert f"`dev`: 3 images, float32, {USUAL}" in page
    assert "--draws 8`" in page


def test_kept_scores_of_two_protocols_are_refused(tmp_path, capsys):
    folder = small_model(tmp_path / "small")
    card = json.loads((folder / "card.json").read_text())
    rows = {"noise 25": measured(), "noise 50": measured("noise 50", clip=True)}
    (folder / "card.json").write_text(json.dumps({**card, "scores": {"dev": rows}}))
    (tmp_path / "c.toml").write_text(CONFIG)
    given = [str(folder), "--config", str(tmp_path / "c.toml")]
    assert model_card.main([*given, "--page", str(tmp_path / "small.md")]) == 2
    assert "card.json (noise 50)" in capsys.readouterr().err
    assert not (tmp_path / "small.md").exists()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_pages_of_the_shipped_models_are_those_of_their_cards(name):
    folder = checkpoint.BUILTIN / name
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    for table, rows in card["scores"].items():
        if isinstance(rows, dict):
            model_card.one_table(table, [("card", *row) for row in rows.items()])
    stated = (ROOT / "docs" / "models" / f"{name}.md").read_text(encoding="utf-8")
    pictures = re.findall(r"^!\[.*\]\((.*)\)$", stated, re.MULTILINE)
    degradation = checkpoint.load_config(folder).degradation
    assert model_card.page(name, card, degradation, "".join(pictures)) == stated
