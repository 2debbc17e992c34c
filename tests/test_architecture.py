"""The house rules that a reader relies on: layers, single owners, size.

Reads the source with ast and runs none of it. CONTRIBUTING.md states the rules.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vaenhance"

# Arrows point down only. A module's layer is that of its first name.
LAYERS = {
    "cli": 4,
    "__main__": 4,
    "workflows": 3,
    "api": 2,
    "": 2,  # vaenhance/__init__.py: the public face of api
    "model": 1,
    "data": 1,
    "photo": 1,
    "latents": 1,
    "tiling": 1,
    "checkpoint": 1,
    "grading": 1,
    "thumbnails": 1,
    "patches": 1,
    "color": 1,
    "metrics": 1,
    "report": 1,
    "runtime": 1,
    "archives": 0,
    "config": 0,
    "errors": 0,
}
HEAVY = {"tensorflow", "keras"}
# Where TensorFlow is the point, so that it may be imported at module level.
MAY_BE_HEAVY = ("model",)
CODECS = ("photo", "report", "data.codec", "data.graphics")
NETWORK = {"socket", "ssl", "http", "urllib", "requests", "ftplib", "aiohttp"}
EXECUTED = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}

FILE_LINES = 300
FUNCTION_LINES = 50


def module_name(path: Path) -> str:
    """vaenhance/data/degrade.py → "data.degrade"; the package itself is ""."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__")


MODULES = {module_name(p): p for p in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}
Rule = Callable[[str], None]


def each_module(rule: Rule) -> Callable[[], None]:
    """A test of all modules, which tells of every one that breaks the rule."""

    def test() -> None:
        broken = {}
        for name in MODULES:
            try:
                rule(name)
            except AssertionError as error:
                broken[name or "__init__"] = str(error)
        assert not broken

    test.__name__, test.__doc__ = rule.__name__, rule.__doc__
    return test


def belongs(name: str, prefixes: tuple[str, ...]) -> bool:
    """Is the module one of these, inside one, or named like one (photo_png)?"""
    return any(name == p or name.startswith((f"{p}.", f"{p}_")) for p in prefixes)


def statements(tree: ast.Module, *, inside_functions: bool) -> Iterator[ast.AST]:
    """All nodes; without those that run only when a function is called."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            is_typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(
                child.test
            )
            if inside_functions or not (is_function or is_typing):
                pending.append(child)


def imports(name: str, *, inside_functions: bool) -> set[str]:
    """Absolute names that a module imports: "tensorflow", "vaenhance.config"."""
    found = set()
    for node in statements(TREES[name], inside_functions=inside_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import, line {node.lineno}"
            found.add(str(node.module))
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_imports(name: str, *, inside_functions: bool) -> set[str]:
    """Names, as in MODULES, of the package's modules that a module imports.

    `from vaenhance.photo import exif` is an import of photo.exif, not of what
    photo/__init__.py offers; `from vaenhance.photo import Photo` is one of photo.
    """
    found = set()
    for node in statements(TREES[name], inside_functions=inside_functions):
        if isinstance(node, ast.Import):
            targets = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = str(node.module)
            names = {f"{module}.{alias.name}" for alias in node.names}
            targets = {n if _own(n) in MODULES else module for n in names}
        else:
            continue
        found |= {_own(target) for target in targets} & MODULES.keys()
    return found - {name}


def _own(target: str) -> str:
    """vaenhance.config → "config", vaenhance → "", others → what no module is."""
    head, _, tail = target.partition(".")
    return tail if head == "vaenhance" else "not ours"


def outside(name: str, *, inside_functions: bool) -> set[str]:
    """Top-level packages that a module imports: {"numpy", "PIL"}."""
    found = imports(name, inside_functions=inside_functions)
    return {target.partition(".")[0] for target in found}


def layer(name: str) -> int:
    head = name.partition(".")[0]
    candidates = [head, head.partition("_")[0]]
    return next(LAYERS[c] for c in candidates if c in LAYERS)


@each_module
def test_every_module_has_a_layer_and_imports_point_down(name: str) -> None:
    for target in own_imports(name, inside_functions=True):
        assert layer(target) <= layer(name), f"{name} imports {target}"


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = {n: own_imports(n, inside_functions=True) for n in MODULES}
    while graph:
        leaves = {n for n, targets in graph.items() if not targets & graph.keys()}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {n: targets for n, targets in graph.items() if n not in leaves}


@each_module
def test_tensorflow_is_imported_at_module_level_only_where_it_is_the_point(
    name: str,
) -> None:
    if not belongs(name, MAY_BE_HEAVY):
        assert not outside(name, inside_functions=False) & HEAVY


@pytest.mark.parametrize("name", [n for n in MODULES if belongs(n, ("cli",))])
def test_the_command_line_starts_without_tensorflow(name: str) -> None:
    seen: set[str] = set()
    pending = {name}
    while pending:
        module = pending.pop()
        seen.add(module)
        assert not outside(module, inside_functions=False) & HEAVY, (
            f"{name} imports {module}, which imports TensorFlow"
        )
        pending |= own_imports(module, inside_functions=False) - seen


@each_module
def test_only_the_console_prints(name: str) -> None:
    if name == "cli.console":
        return
    for node in ast.walk(TREES[name]):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in {"print", "click.echo", "click.secho"}, node.lineno
        assert not called.startswith(("sys.stdout.write", "sys.stderr.write"))


@each_module
def test_only_runtime_configures_tensorflow(name: str) -> None:
    if name == "runtime":
        return
    owned = (".config.", ".set_floatx", ".set_global_policy", ".set_image_data_format")
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            if text.startswith(("tf.", "tensorflow.", "keras.")):
                hit = [word for word in owned if word in f"{text}."]
                assert not hit, f"{name}, line {node.lineno}: {text}"


@each_module
def test_only_checkpoint_touches_weights(name: str) -> None:
    if belongs(name, ("checkpoint",)):
        return
    assert "h5py" not in outside(name, inside_functions=True)
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Attribute):
            # checkpoint's own functions are the way; a Keras model's are not.
            is_keras = ast.unparse(node.value) != "checkpoint"
            words = {"load_weights", "save_weights"} if is_keras else set()
            assert node.attr not in words, f"{name}, line {node.lineno}"


@each_module
def test_only_readers_and_writers_of_images_use_the_codecs(name: str) -> None:
    if not belongs(name, CODECS):
        used = outside(name, inside_functions=True)
        assert not used & {"PIL", "tifffile", "imagecodecs", "pillow_heif"}


@each_module
def test_nothing_is_executed_from_files_and_nothing_goes_online(name: str) -> None:
    used = outside(name, inside_functions=True)
    assert not used & (NETWORK | EXECUTED)
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"eval", "exec", "__import__"}, node.lineno
            last = called.rpartition(".")[2]
            assert last not in {"model_from_json", "deserialize_keras_object"}
            assert called.split(".")[0] not in HEAVY or last != "load_model"
            assert "Lambda" not in last, "cannot be loaded safely"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False", node.value.lineno


@each_module
def test_workflows_and_below_do_not_know_click(name: str) -> None:
    if not belongs(name, ("cli", "__main__")):
        used = outside(name, inside_functions=True)
        assert not used & {"click", "tqdm"}


@each_module
def test_files_and_functions_stay_short(name: str) -> None:
    lines = len(MODULES[name].read_text().splitlines())
    assert lines <= FILE_LINES, f"{name} has {lines} lines: two jobs?"
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = node.end_lineno - body[0].lineno + 1 if body else 0
            assert length <= FUNCTION_LINES, f"{name}.{node.name}: {length} lines"


@each_module
def test_every_module_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(TREES[name])


def test_the_stated_line_budget_is_the_tested_one() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert f"{FILE_LINES} and {FUNCTION_LINES} lines" in text


def test_no_path_of_one_machine_is_in_the_repository() -> None:
    machines = ["/" + word + "/" for word in ("work", "opt/dev", "root", "Users")]
    folders = ["vaenhance", "tests", "scripts", "docs", "configs", "samples", ".ci"]
    kinds = {".py", ".md", ".toml", ".json", ".sh", ""}
    files = [p for f in folders for p in (ROOT / f).rglob("*") if p.is_file()]
    files += [p for p in ROOT.iterdir() if p.is_file() and p.name != ".git"]
    for path in files:
        if path.suffix in kinds and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert not [m for m in machines if m in text], path
