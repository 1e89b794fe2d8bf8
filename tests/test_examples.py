"""The experiments run, on few rows and for few epochs; what is kept of full runs."""

import importlib.util
import os
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from sklearn.exceptions import ConvergenceWarning

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
EXPERIMENTS = (
    "concrete_unscaled",
    "fashion_dropout_batchnorm",
    "fashion_learning_curves",
    "mnist_initializers_depth",
    "mnist_keep_probability",
    "spotify_grouped",
    "vanishing_gradients_ensembles",
    "wine_raw_features",
)


def module(name):
    """A module of the examples, which lie outside the package."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def reporting():
    return module("reporting")


@pytest.fixture(scope="module")
def full_runs():
    return module("full_runs")


@pytest.fixture
def as_script(monkeypatch):
    """Called with arguments, the process looks like a script that was given them."""

    def start(*arguments, script="plot_some.py"):
        monkeypatch.setattr(sys, "argv", [script, *arguments])

    monkeypatch.delenv("SKDROPOUT_QUICK", raising=False)
    return start


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("SKDROPOUT_DATA"),
    reason="SKDROPOUT_DATA does not name the folder of the experiments' data",
)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_quick_run(name, tmp_path):
    script = EXAMPLES / f"plot_{name}.py"
    result = subprocess.run(
        [sys.executable, str(script), "--quick"],
        cwd=tmp_path,
        env={
            **os.environ,
            "MPLBACKEND": "agg",
            "PYTHONPATH": os.pathsep.join(map(str, sys.path)),
            "SKDROPOUT_DATA": os.path.abspath(os.environ["SKDROPOUT_DATA"]),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    first, second, *lines = result.stdout.splitlines()
    assert first == f"{name}: seed 0"
    assert second.startswith("skdropout ")
    marks = [i for i, line in enumerate(lines) if line.startswith("QUICK RUN: ")]
    assert any("published" in lines[mark + 1] for mark in marks)
    assert len(lines) > marks[-1] + 3
    assert lines[-1].startswith(f"picture: {name}.png; ")
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    assert (tmp_path / f"{name}_thumbnail.png").stat().st_size > 2_000


def test_every_experiment_is_listed():
    scripts = {path.stem.removeprefix("plot_") for path in EXAMPLES.glob("plot_*.py")}
    assert scripts - {"dropout_sweep"} == set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_kept_run(name):
    printed = (DOCS / "runs" / f"{name}.txt").read_text(encoding="utf-8")
    assert printed.startswith(f"{name}: seed 0\nskdropout ")
    assert "QUICK" not in printed
    assert "picture: " not in printed
    # What a page shows without scrolling.
    assert max(map(len, printed.splitlines())) <= 100
    assert plt.imread(DOCS / "images" / f"{name}.png").shape[1] >= 1200


@pytest.mark.parametrize("name", ["dropout_sweep", *EXPERIMENTS])
def test_thumbnail(name):
    path = f"images/thumbnails/{name}.png"
    script = (EXAMPLES / f"plot_{name}.py").read_text(encoding="utf-8")
    assert f'# sphinx_gallery_thumbnail_path = "{path}"\n' in script
    assert (DOCS / path).stat().st_size < 40_000
    assert plt.imread(DOCS / path).shape[:2] == (280, 400)


@pytest.mark.parametrize(
    ("arguments", "variable", "quick"),
    [
        ((), None, False),
        ((), "", False),
        ((), "0", False),
        ((), "1", True),
        (("--quick",), None, True),
        (("--quick",), "0", True),
    ],
)
def test_quick_by_option_or_variable(
    reporting, as_script, monkeypatch, arguments, variable, quick
):
    as_script(*arguments)
    if variable is not None:
        monkeypatch.setenv("SKDROPOUT_QUICK", variable)
    experiment = reporting.Experiment("some")
    assert experiment.quick is quick
    assert experiment.pick("full", "quick") == ("quick" if quick else "full")


def test_arguments_of_a_kernel_are_not_read(reporting, as_script):
    as_script("-f", "kernel.json", script="ipykernel_launcher.py")
    assert reporting.Experiment("some").quick is False


def test_unknown_argument(reporting, as_script):
    as_script("--quik")
    with pytest.raises(SystemExit, match=r"^plot_some\.py takes --quick .*got --quik$"):
        reporting.Experiment("some")


def test_unknown_value_of_the_variable(reporting, as_script, monkeypatch):
    as_script()
    monkeypatch.setenv("SKDROPOUT_QUICK", "yes")
    with pytest.raises(
        ValueError, match="SKDROPOUT_QUICK must be 1, 0 or empty; got 'yes'"
    ):
        reporting.Experiment("some")


def test_table(reporting, as_script, capsys):
    as_script()
    experiment = reporting.Experiment("some")
    capsys.readouterr()
    experiment.table(("name", "value"), [("a", 0.5), ("longer", "x"), ("b", 12)])
    assert capsys.readouterr().out.splitlines() == [
        "name     value",
        "a       0.5000",
        "longer       x",
        "b           12",
    ]


def test_thumbnail_leaves_the_style_as_it_was(
    reporting, as_script, tmp_path, monkeypatch
):
    as_script()
    monkeypatch.chdir(tmp_path)
    before, figures = dict(plt.rcParams), plt.get_fignums()
    with reporting.Experiment("some").thumbnail() as ax:
        ax.plot([1, 2])
    assert plt.imread("some_thumbnail.png").shape[:2] == (280, 400)
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == figures


def test_only_convergence_is_silenced_and_only_inside(reporting):
    with reporting.budget_of_epochs():
        warnings.warn("too few", ConvergenceWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="other"):
            warnings.warn("other", UserWarning, stacklevel=1)
    with pytest.raises(ConvergenceWarning):
        warnings.warn("too few", ConvergenceWarning, stacklevel=1)


WRITES = """
import sys
from pathlib import Path
print("printed", *sys.argv[1:])
print("picture: some.png; 1 s in all")
Path("some.png").write_bytes(b"picture")
Path("some_thumbnail.png").write_bytes(b"small")
"""


def kept(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("quick", [False, True])
def test_results_are_kept(full_runs, tmp_path, monkeypatch, quick):
    # A full run is one whatever the environment says.
    monkeypatch.setenv("SKDROPOUT_QUICK", "1")
    script = tmp_path / "plot_some.py"
    script.write_text(
        f"{WRITES}\nimport os\nassert 'SKDROPOUT_QUICK' not in os.environ",
        encoding="utf-8",
    )
    full_runs.run(script, tmp_path / "docs", quick)
    assert kept(tmp_path / "docs") == {
        "images/some.png": "picture",
        "images/thumbnails/some.png": "small",
        "runs/some.txt": "printed --quick\n" if quick else "printed\n",
    }


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("raise SystemExit(3)", "ended with exit status 3"),
        ("Path('some.png').unlink()", "has not written some.png"),
    ],
)
def test_a_failed_run_leaves_what_was_kept(full_runs, tmp_path, end, message):
    script = tmp_path / "plot_some.py"
    script.write_text(WRITES, encoding="utf-8")
    full_runs.run(script, tmp_path / "docs")
    before = kept(tmp_path / "docs")
    script.write_text(f"{WRITES.replace('printed', 'other')}\n{end}", encoding="utf-8")
    with pytest.raises(RuntimeError, match=message):
        full_runs.run(script, tmp_path / "docs")
    assert kept(tmp_path / "docs") == before


def test_thumbnail_of_the_main_job_is_its_last_figure(full_runs, tmp_path):
    script = tmp_path / "plot_dropout_sweep.py"
    script.write_text(
        "import matplotlib.pyplot as plt\n"
        "fig, ax = plt.subplots(figsize=(6, 4), layout='constrained')\n"
        "ax.plot([1, 2], label='line')\nax.legend(title='title')\n"
        "fig.savefig('dropout_sweep.png')",
        encoding="utf-8",
    )
    full_runs.run(script, tmp_path / "docs")
    images = tmp_path / "docs" / "images"
    assert {p for p in (tmp_path / "docs").rglob("*") if p.is_file()} == {
        images / "dropout_sweep.png",
        images / "thumbnails" / "dropout_sweep.png",
    }
    small = plt.imread(images / "thumbnails" / "dropout_sweep.png")
    assert small.shape[:2] == (280, 400)


def test_quick_runs_do_not_come_into_the_documentation(full_runs, capsys):
    with pytest.raises(SystemExit):
        full_runs.main(["--quick", "spotify_grouped"])
    assert "--quick needs another folder by --into" in capsys.readouterr().err


def test_unknown_name(full_runs, capsys):
    with pytest.raises(SystemExit):
        full_runs.main(["spotify"])
    text = capsys.readouterr().err
    assert "NAME must be of concrete_unscaled, dropout_sweep" in text
    assert "got spotify" in text


def test_other_runs_go_on_after_a_failed_one(full_runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(full_runs, "EXAMPLES", tmp_path)
    monkeypatch.setattr(full_runs, "NAMES", ["bad", "some"])
    (tmp_path / "plot_bad.py").write_text("raise SystemExit(1)", encoding="utf-8")
    (tmp_path / "plot_some.py").write_text(WRITES, encoding="utf-8")
    assert full_runs.main(["--into", str(tmp_path / "docs")]) == 1
    assert "plot_bad.py ended with exit status 1" in capsys.readouterr().err
    assert "runs/some.txt" in kept(tmp_path / "docs")
