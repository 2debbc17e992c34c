import os
from pathlib import Path

import pytest

from vaenhance.errors import UsageProblem
from vaenhance.workflows.headers import folder_problem
from vaenhance.workflows.jobs import Job, Plan, plan


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    """Paths stay short and relative, as people type them."""
    monkeypatch.chdir(tmp_path)


def touch(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def pairs(made: Plan) -> list[tuple[str, str]]:
    return [(job.source_name, job.target_name) for job in made.jobs]


# === One image ===


def test_a_file_to_a_file():
    touch("a.jpg")
    (job,) = plan(["a.jpg", "new.png"]).jobs
    assert job == Job(Path("a.jpg"), Path("new.png"), "PNG", is_named=True)


def test_without_target_the_result_lies_beside_the_file():
    touch("in/a.JPG")
    assert pairs(plan(["in/a.JPG"])) == [("in/a.JPG", "in/a.enhanced.JPG")]
    assert pairs(plan(["in/a.JPG"], suffix="_x")) == [("in/a.JPG", "in/a_x.JPG")]
    assert pairs(plan(["in/a.JPG"], format="PNG")) == [
        ("in/a.JPG", "in/a.enhanced.png")
    ]


@pytest.mark.parametrize("target", ["out/", "there"])
def test_a_file_to_a_folder_keeps_its_name(target):
    touch("in/a.jpg")
    Path("there").mkdir()
    folder = target.rstrip("/")
    assert pairs(plan(["in/a.jpg", target])) == [("in/a.jpg", f"{folder}/a.jpg")]


def test_streams():
    touch("a.png")
    assert plan(["-"]).jobs == (Job(None, None),)
    assert plan(["-", "-"], format="PNG").jobs == (Job(None, None, "PNG"),)
    (job,) = plan(["-", "new.webp"]).jobs
    assert job == Job(None, Path("new.webp"), "WEBP", is_named=True)
    assert plan(["a.png", "-"]).jobs == (Job(Path("a.png"), None),)


def test_only_a_known_extension_is_replaced():
    touch("scan.2024")
    assert pairs(plan(["scan.2024", "out/"], format="PNG")) == [
        ("scan.2024", "out/scan.2024.png")
    ]


def test_format_of_the_same_kind_keeps_the_spelling():
    touch("a.JPEG")
    assert pairs(plan(["a.JPEG", "out/"], format="JPEG")) == [("a.JPEG", "out/a.JPEG")]


# === Many images ===


def test_a_folder_is_mirrored_in_order():
    touch("in/b.jpg", "in/sub/a.png", "in/a.jpg", "in/notes.txt")
    made = plan(["in", "out"])
    assert pairs(made) == [
        ("in/a.jpg", "out/a.jpg"),
        ("in/b.jpg", "out/b.jpg"),
        ("in/sub/a.png", "out/sub/a.png"),
    ]
    assert made.ignored == (Path("in/notes.txt"),)
    assert len(plan(["in", "out"], recursive=False).jobs) == 2


def test_a_target_inside_the_source_is_not_read_again():
    touch("in/a.jpg", "in/better/a.jpg")
    assert pairs(plan(["in", "in/better"], overwrite=True)) == [
        ("in/a.jpg", "in/better/a.jpg")
    ]


def test_of_several_sources_a_folder_keeps_its_own_name():
    touch("a/1.jpg", "b/1.jpg", "c.jpg")
    assert pairs(plan(["a", "b/", "c.jpg", "out"])) == [
        ("a/1.jpg", "out/a/1.jpg"),
        ("b/1.jpg", "out/b/1.jpg"),
        ("c.jpg", "out/c.jpg"),
    ]


def test_a_quoted_pattern_keeps_what_it_leaves_open():
    touch("in/a/1.jpg", "in/b/1.jpg", "in/b/2.txt", "in/c.jpg")
    assert pairs(plan(["in/*/*", "out"])) == [
        ("in/a/1.jpg", "out/a/1.jpg"),
        ("in/b/1.jpg", "out/b/1.jpg"),
    ]
    assert [name for name, _ in pairs(plan(["in/**", "out"]))] == [
        "in/a/1.jpg",
        "in/b/1.jpg",
        "in/c.jpg",
    ]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern():
    touch("a[1].jpg")
    assert pairs(plan(["a[1].jpg", "out/"])) == [("a[1].jpg", "out/a[1].jpg")]


def test_a_source_given_twice_is_done_once():
    touch("a.jpg", "b.jpg")
    assert len(plan(["a.jpg", "b.jpg", "a.jpg", "out"]).jobs) == 2


def test_what_exists_is_marked_unless_it_is_to_be_redone():
    touch("in/a.jpg", "in/b.jpg", "out/a.jpg")
    assert [job.exists for job in plan(["in", "out"]).jobs] == [True, False]
    redo = plan(["in", "out"], overwrite=True)
    assert [job.exists for job in redo.jobs] == [False, False]


def test_a_suffix_goes_before_the_extension():
    touch("in/a.b.jpg")
    assert pairs(plan(["in", "out"], suffix="_x")) == [("in/a.b.jpg", "out/a.b_x.jpg")]


# === Names that collide ===


def test_colliding_names_keep_their_extension_and_it_is_said():
    touch("in/a.jpg", "in/a.png", "in/a.webp", "in/b.jpg")
    made = plan(["in", "out"], format="PNG")
    assert pairs(made) == [
        ("in/a.jpg", "out/a.jpg.png"),
        ("in/a.png", "out/a.png"),
        ("in/a.webp", "out/a.webp.png"),
        ("in/b.jpg", "out/b.png"),
    ]
    assert len(made.notes) == 2 and "a.jpg.png" in made.notes[0]


def test_same_names_from_two_places_are_refused():
    touch("x/a.jpg", "y/a.jpg")
    with pytest.raises(UsageProblem, match=r"x/a\.jpg and y/a\.jpg would both"):
        plan(["x/a.jpg", "y/a.jpg", "out"])


def test_a_collision_that_the_longer_name_causes_is_refused():
    touch("in/a.jpg", "in/a.webp", "in/a.jpg.png")
    with pytest.raises(UsageProblem, match="would both"):
        plan(["in", "out"], format="PNG")


def test_a_result_is_not_taken_for_that_of_another_source():
    """a.jpg was alone, and has the name that would be a.png's now."""
    touch("in/a.jpg", "in/a.png", "in/b.jpg", "out/a.png", "out/b.png")
    jpg, png, other = plan(["in", "out"], format="PNG").jobs
    assert jpg.target == Path("out/a.jpg.png") and jpg.is_open
    assert png.problem == "out/a.png may be of in/a.jpg: --overwrite redoes it"
    assert not png.exists and other.exists
    redo = plan(["in", "out"], format="PNG", overwrite=True)
    assert all(job.is_open for job in redo.jobs)
    touch("out/a.jpg.png")  # each has its own: nothing speaks against it
    assert all(job.exists for job in plan(["in", "out"], format="PNG").jobs)


def test_a_folder_where_a_target_should_be_is_a_job_that_fails():
    touch("in/a.jpg", "in/b.jpg", "out/a.jpg/x")
    for overwrite in (False, True):
        for arguments in (["in", "out"], ["in/a.jpg", "out"]):
            job, *_ = plan(arguments, overwrite=overwrite).jobs
            assert job.problem == "cannot be written: a folder has this name"
    assert plan(["in", "out"]).jobs[1].is_open


# === What could harm an original ===


@pytest.mark.parametrize(
    "arguments",
    [
        ["in/a.jpg", "in/a.jpg"],
        ["in/a.jpg", "in"],
        ["in/a.jpg", "./in/../in/a.jpg"],
        ["in/a.jpg", "link.jpg"],
        ["in/a.jpg", "hard.jpg"],
        ["in/a.jpg", "in/b.jpg", "in"],
        ["in", "in"],
        ["in", "in/."],
        ["in", "folder-link"],
        ["in/*.jpg", "in"],
        ["-", "in"],
    ],
)
def test_originals_are_never_targets(arguments):
    touch("in/a.jpg", "in/b.jpg")
    Path("link.jpg").symlink_to("in/a.jpg")
    os.link("in/a.jpg", "hard.jpg")
    Path("folder-link").symlink_to("in")
    with pytest.raises(UsageProblem):
        plan(arguments, overwrite=True)


def test_a_source_of_one_job_is_never_the_target_of_another():
    touch("x/a.jpg", "z.jpg", "out/b.jpg")
    os.link("z.jpg", "out/a.jpg")
    with pytest.raises(UsageProblem, match=r"TARGET out/a\.jpg is SOURCE z\.jpg"):
        plan(["x/a.jpg", "z.jpg", "out"], overwrite=True)


def test_a_device_is_never_replaced():
    touch("a.jpg")
    with pytest.raises(UsageProblem, match="not an ordinary file"):
        plan(["a.jpg", os.devnull], format="PNG", overwrite=True)


# === Arguments that make no sense ===


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.jpg"], "there is no file or folder nothing.jpg"),
        (["*.gif", "out"], "no image matches the pattern"),
        (["in"], "name a folder as TARGET"),
        (["in/*.jpg"], "name a folder as TARGET"),
        (["in", "-"], "name a folder as TARGET"),
        (["in/a.jpg", "in/b.jpg", "-"], "name a folder as TARGET"),
        (["-", "in/a.jpg", "out"], "cannot be mixed"),
        (["-", "out/"], "has no name"),
        (["empty", "out"], "no images in empty"),
        (["in/a.jpg", "new.xyz"], "does not tell which format"),
        (["in/a.jpg", "new"], "does not tell which format"),
        (["in/a.jpg", "new.gif"], "can be read but not written"),
        (["in", "notes.txt"], "is a file"),
        (["in/a.jpg", "in/b.jpg", "c.jpg"], "looks like a file"),
        (["in/a.jpg", "notes.txt/"], "is a file"),
        (["in/a.jpg", "in/b.jpg"], "exists; pass --overwrite"),
        # What a variable leaves that is not set; as a path it is the current folder.
        ([""], "an empty SOURCE"),
        (["", "out.jpg"], "an empty SOURCE"),
        (["in/a.jpg", "", "out"], "an empty SOURCE"),
        (["in/a.jpg", ""], "an empty TARGET"),
        (["in", ""], "an empty TARGET"),
        (["-", ""], "an empty TARGET"),
    ],
)
def test_a_problem_is_named(arguments, message):
    touch("in/a.jpg", "in/b.jpg", "notes.txt", "empty/readme.txt")
    with pytest.raises(UsageProblem) as caught:
        plan(arguments)
    assert message in str(caught.value)


def test_format_and_target_must_agree():
    touch("a.jpg")
    with pytest.raises(UsageProblem, match="--format asks for WEBP"):
        plan(["a.jpg", "new.png"], format="WEBP")
    with pytest.raises(UsageProblem, match="--suffix"):
        plan(["a.jpg", "new.png"], suffix="_x")
    assert plan(["a.jpg", "new"], format="WEBP").jobs[0].format == "WEBP"


@pytest.mark.parametrize("arguments", [["-"], ["-", "-"], ["a.jpg", "-"]])
def test_standard_output_has_no_name_for_a_suffix(arguments):
    touch("a.jpg")
    with pytest.raises(UsageProblem, match="standard output has none"):
        plan(arguments, suffix="_x")
    (job,) = plan(arguments, suffix="_x", yielding=["suffix"]).jobs
    assert job.target is None


def test_a_target_that_names_a_file_goes_before_what_nobody_typed():
    touch("a.jpg")
    usual = {"format": "WEBP", "suffix": "_x", "yielding": ["format", "suffix"]}
    (job,) = plan(["a.jpg", "new.png"], **usual).jobs
    assert (job.target, job.format) == (Path("new.png"), "PNG")
    (job,) = plan(["-", "new.png"], **usual).jobs
    assert (job.target, job.format) == (Path("new.png"), "PNG")
    # Where it does not say, what the environment says is for it.
    assert plan(["a.jpg", "new"], **usual).jobs[0].format == "WEBP"
    assert plan(["a.jpg", "-"], **usual).jobs[0].format == "WEBP"
    assert pairs(plan(["a.jpg", "out/"], **usual)) == [("a.jpg", "out/a_x.webp")]
    assert pairs(plan(["a.jpg"], **usual)) == [("a.jpg", "a_x.webp")]
    with pytest.raises(UsageProblem, match="--format asks for WEBP"):
        plan(["a.jpg", "new.png"], **{**usual, "yielding": ["suffix"]})


def test_a_folder_that_cannot_be_listed_is_a_job_that_fails(monkeypatch):
    touch("in/a.jpg", "in/locked/b.jpg")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    readable, locked = plan(["in", "out"]).jobs
    assert readable.problem is None
    assert locked.source_name == "in/locked" and "Permission denied" in locked.problem


# === What no look is allowed at ===


def test_a_name_too_long_for_any_file_is_said_of_the_file():
    touch("a.jpg")
    long = "b" * 300
    with pytest.raises(UsageProblem, match=f"{long}.jpg cannot be read: .*too long"):
        plan([f"{long}.jpg", "out"])
    with pytest.raises(UsageProblem, match="nothing was done"):
        plan(["a.jpg", f"{long}.jpg", "out/"])
    (job,) = plan(["a.jpg", f"{long}/c.jpg"]).jobs
    assert job.target == Path(f"{long}/c.jpg")
    assert folder_problem(job.target.parent).startswith("cannot be written")


def test_patterns_leave_pipes_alone():
    touch("many/a.jpg")
    os.mkfifo("many/f.jpg")
    Path("many/gone.jpg").symlink_to("nowhere.jpg")
    made = plan(["many/*.jpg", "out"])
    assert [job.source_name for job in made.jobs] == ["many/a.jpg", "many/gone.jpg"]
    assert made.ignored == (Path("many/f.jpg"),)


def test_a_pattern_takes_each_file_once_whatever_the_links():
    touch("in/a.jpg", "in/b.jpg", "in/sub/c.jpg")
    # Two of them have 2 ** 40 ways around: no pattern may try them all.
    for name in ("loop", "again"):
        Path("in", name).symlink_to(".", target_is_directory=True)
    Path("in/alias").symlink_to("sub", target_is_directory=True)
    Path("in/linked.jpg").symlink_to("a.jpg")
    files = ["in/a.jpg", "in/b.jpg", "in/linked.jpg", "in/sub/c.jpg"]
    for pattern in ("in/**/*.jpg", "in/**"):
        assert sorted(name for name, _ in pairs(plan([pattern, "out"]))) == files
    assert [name for name, _ in pairs(plan(["in/*/c.jpg", "out"]))] == ["in/sub/c.jpg"]
    assert pairs(plan(["in/ali*/*.jpg", "out"])) == [
        ("in/alias/c.jpg", "out/alias/c.jpg")
    ]
    assert len(plan(["in/**/su*/**/*.jpg", "out"]).jobs) == 1


def test_a_pattern_leaves_what_systems_leave_behind():
    touch("in/a.jpg", "in/@eaDir/t.jpg", "in/@eaDir/u.jpg", "in/x/__MACOSX/v.jpg")
    made = plan(["in/**/*.jpg", "out"])
    assert pairs(made) == [("in/a.jpg", "out/a.jpg")]
    assert made.ignored == (Path("in/@eaDir"), Path("in/x/__MACOSX"))
    with pytest.raises(UsageProblem, match="no image matches"):
        plan(["in/*/t.jpg", "out"])
    assert len(plan(["in/@eaDir/*.jpg", "out"]).jobs) == 2  # asked for by name
