"""Several runs in one class grid: the same z for all, each at its own checkpoint, a closer look."""

import base64
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import tiny_images, tiny_run, tiny_training

import cgan_kit as kit
from cgan_kit import plots
from cgan_kit.grids import fingerprint, fixed_latents, real_rows, step_at
from cgan_kit.pictures import from_png, tile
from cgan_kit.widgets import ClassGrid
from cgan_kit.widgets.closer_look import MARK, nearest_image, outlined


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, kit.Run]:
    """One with checkpoints at 0, 2, 4, 6; the other, of another method, at 1, 3, 5."""
    folder = tmp_path_factory.mktemp("runs")
    options = {"conditioning": kit.losses.ReACGAN(), "checkpoints": [1, 3, 5], "steps": 5}
    for _ in (other := tiny_training(folder / "reacgan", **options)):
        pass
    first = tiny_run(folder / "acgan")
    (other.folder / "checkpoints" / "step-000000.safetensors").unlink(missing_ok=True)
    return {"acgan": first, "reacgan": other.run}


def column(grid: ClassGrid, name: str) -> np.ndarray:
    """A run's tiles in the widget's PNG; the last run's end at the right edge."""
    picture = from_png(grid.image.value)
    picture = picture if picture.ndim == 3 else picture[..., None]
    rows = grid.rows + (grid.real is not None)
    side = 8 * grid.scale + 2
    wide, high = side * len(grid.shown_classes) - 2, side * rows - 2
    last = picture[-high:, -wide:]
    if name == list(grid.runs)[-1]:
        return last
    left = picture.shape[1] // 2 - 8  # half of the gap between two panels of one width
    return picture[-high:, left - wide : left]


def values(slider) -> list[float]:
    return [value for _, value in slider.options]


def test_every_run_gets_the_same_z_at_its_own_checkpoint(runs: dict[str, kit.Run]) -> None:
    grid = ClassGrid(runs, rows=3, seed=5)
    assert values(grid.checkpoint) == [1, 2, 3, 4, 5, 6]  # from where on both have one
    latents = fixed_latents(3, 5, seed=5)
    at = {"acgan": [0, 2, 2, 4, 4, 6], "reacgan": [1, 1, 3, 3, 5, 5]}
    for place, step in enumerate(values(grid.checkpoint)):
        grid.checkpoint.value = step
        assert torch.equal(grid.fed_latents(), latents)
        for name, run in runs.items():
            made = run.sample(
                latents.repeat_interleave(4, dim=0), torch.arange(4).repeat(3), at[name][place]
            )
            expected = tile(made, 4, scale=grid.scale)[..., None]
            assert abs(column(grid, name).astype(int) - expected).max() <= 1
            behind = f" {name} has no checkpoint at step {step} and" in grid.caption.value
            assert behind == (at[name][place] != step)
    assert fingerprint(latents) in grid.caption.value


def test_the_fingerprint_is_that_of_what_the_generators_read(runs: dict[str, kit.Run]) -> None:
    grid = ClassGrid(runs, rows=2)
    shown = {fingerprint(grid.latents)}
    for change in (lambda: setattr(grid.truncation, "value", 0.5), grid.new_z.click):
        change()
        assert fingerprint(grid.fed_latents()) in grid.caption.value
        shown.add(fingerprint(grid.fed_latents()))
    assert len(shown) == 3
    assert fingerprint(torch.ones(2)) != fingerprint(torch.tensor([1, 1 + 2e-7]))


def test_the_last_row_is_real_images_of_each_class(runs: dict[str, kit.Run]) -> None:
    data = tiny_images()
    grid = ClassGrid(runs, real=data, rows=2, classes=["bar", 0])
    grid.closer.label.value = 0
    for name in runs:
        for place, k in enumerate((3, 0)):
            shown = column(grid, name)[-8 * grid.scale :, place * (8 * grid.scale + 2) :]
            shown = shown[:: grid.scale, : 8 * grid.scale : grid.scale, 0]
            members = data.images[data.labels == k][:, 0].numpy()
            assert any((shown == member).all() for member in members)


def test_a_closer_look_at_every_cell(runs: dict[str, kit.Run]) -> None:
    data = tiny_images()
    grid = ClassGrid(runs, real=data, rows=2)
    pictures = set()
    for row in values(grid.closer.row):
        for label in values(grid.closer.label):
            grid.closer.row.value, grid.closer.label.value = row, label
            z, y = grid.latents[row, None], torch.tensor([label])
            samples = [run.sample(z, y)[0] for run in runs.values()]
            distances = [
                (data.images.float() - each.float()).abs().mean((1, 2, 3)) for each in samples
            ]
            shown = [
                image
                for sample, distance in zip(samples, distances, strict=True)
                for image in (sample, data.images[distance.argmin()])
            ]
            expected = tile(torch.stack(shown), 4, scale=15).astype(int)
            picture = from_png(grid.closer.image.value)[-expected.shape[0] :, -expected.shape[1] :]
            assert abs(picture - expected).max() <= 1
            nearest = data.class_names[int(data.labels[distances[1].argmin()])]
            assert (
                f"reacgan: the nearest real image is of class {nearest}, pixels "
                f"{distances[1].min() / 127.5:.2f} apart" in grid.closer.words
            )
            asked = f"z{'₁₂'[row]} asked for class {data.class_names[label]}."
            assert grid.closer.words.startswith(asked)
            pictures.add((bytes(grid.image.value), bytes(grid.closer.image.value)))
    assert len(pictures) == 2 * 4


def test_the_chosen_cell_is_framed_and_nothing_else(runs: dict[str, kit.Run]) -> None:
    tiled = tile(tiny_images().images[:6], 3, scale=4)
    marked = outlined(tiled, 2, 3, 1, 2)
    changed = (marked != tiled[..., None]).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (34, 65, 68, 99)
    assert not changed[36:64, 70:98].any()
    assert (marked[34:36, 68:100] == MARK).all()

    grid = ClassGrid(runs["acgan"], real=tiny_images(), rows=2, columns=2)
    assert MARK in set(map(tuple, from_png(grid.image.value).reshape(-1, 3)))
    grid.closer.label.value = 3  # on the other page: looked at, but not framed
    assert from_png(grid.image.value).ndim == 2
    grid.page.value = 2
    assert MARK in set(map(tuple, from_png(grid.image.value).reshape(-1, 3)))
    assert ClassGrid(runs["acgan"]).closer is None


def test_the_closer_look_follows_the_checkpoint(runs: dict[str, kit.Run]) -> None:
    grid = ClassGrid(runs, real=tiny_images(), rows=2)
    seen = set()
    for step in values(grid.checkpoint):
        grid.checkpoint.value = step
        seen.add(grid.closer.image.value)
    assert len(seen) == 6


def test_an_oracle_says_what_it_reads(tmp_path: Path) -> None:
    shapes = kit.data.load("shapes", size=16)
    for _ in (training := tiny_training(tmp_path / "run", shapes, steps=1, checkpoints=[1])):
        pass
    grid = ClassGrid(training.run, real=shapes, rows=1)
    made = training.run.sample(grid.latents, torch.tensor([0]))
    reading = shapes.oracle().read(made)
    name = shapes.class_names[int(reading.labels[0])]
    size = shapes.grid.factor_values["size"][int(reading.factors["size"][0])]
    assert f"The oracle reads {name} (size {size}, x " in grid.closer.words
    assert grid.closer.words.endswith(
        ", recognisable." if reading.recognisable[0] else ", not recognisable."
    )
    assert "oracle" not in ClassGrid(training.run, real=plain(shapes), rows=1).closer.words


def plain(image_set: kit.data.ImageSet) -> kit.data.ImageSet:
    """The same images without their oracle."""
    return kit.data.ImageSet(image_set.images, image_set.labels, image_set.class_names)


def test_a_copy_is_its_own_nearest_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgan_kit.widgets.closer_look.CHUNK", 5)
    images = tiny_images(channels=3).images
    for index in (0, 7, 31):
        assert nearest_image(images[index], images) == (index, 0.0)
    black = torch.zeros(3, 8, 8, dtype=torch.uint8)
    assert nearest_image(black, torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)) == (0, 2.0)


def test_a_figure_shows_what_the_widget_shows(runs: dict[str, kit.Run]) -> None:
    data = tiny_images()
    grid = ClassGrid(runs, real=data, rows=2, seed=3, classes=[3, 0])
    grid.checkpoint.value, grid.truncation.value = 4, 0.5
    figure = plots.class_grids(runs, 4, real=data, rows=2, seed=3, classes=[3, 0], truncation=0.5)
    assert len(figure.axes) == 2
    for name, axes in zip(runs, figure.axes, strict=True):
        shown = torch.cat([grid.images(name), real_rows(data, [3, 0], seed=3)])
        expected = tile(shown, 2, scale=grid.scale)[..., None]
        assert (axes.images[0].get_array() == expected).all()
        words = [text.get_text() for text in axes.texts]
        title = {"acgan": "acgan", "reacgan": "reacgan (at step 3)"}[name]
        assert words == ["bar", "disc", "z₁", "z₂", "real", title]
    pixels = from_png(plots.to_png(figure, plots.DPI))
    tiles = tile(shown, 2, scale=grid.scale)
    right = pixels[-4 - tiles.shape[0] : -4, -4 - tiles.shape[1] : -4, 0]
    assert (right == tiles).all()


def test_a_saved_notebook_keeps_grid_and_closer_look(runs: dict[str, kit.Run]) -> None:
    grid = ClassGrid(runs, real=tiny_images(), rows=2)
    data, metadata = grid._repr_mimebundle_()
    stored = from_png(base64.b64decode(data["image/png"]))
    upper, lower = from_png(grid.image.value), from_png(grid.closer.image.value)
    assert (stored[: upper.shape[0], : upper.shape[1]] == upper).all()
    assert (stored[-lower.shape[0] :, : lower.shape[1]] == lower[..., None]).all()
    assert data["text/plain"] == "ClassGrid: 2 z down, 4 classes across, 6 checkpoints, 2 runs"
    assert fingerprint(grid.latents) in metadata["image/png"]["alt"]


def test_steps_before_a_run_began_are_not_offered() -> None:
    assert [step_at([0, 4, 9], step) for step in (0, 3, 4, 8, 9, 20)] == [0, 0, 4, 4, 9, 9]


def test_runs_that_cannot_be_compared_are_refused(runs: dict[str, kit.Run], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="runs is empty"):
        ClassGrid({})
    nine = tiny_run(tmp_path / "nine", tiny_images(classes=9))
    with pytest.raises(ValueError, match=r"runs\['b'\] has the classes class 0, .*disc, ring"):
        ClassGrid({"a": runs["acgan"], "b": nine})
    colour = tiny_run(tmp_path / "colour", tiny_images(channels=3))
    with pytest.raises(ValueError, match=r"runs\['b'\] has images \(3, 8, 8\) but.*\(1, 8, 8\)"):
        plots.class_grids({"a": runs["acgan"], "b": colour})
    with pytest.raises(ValueError, match=r"real has images \(3, 8, 8\)"):
        ClassGrid(runs, real=tiny_images(channels=3))
    with pytest.raises(ValueError, match=r"step is 0.*give 1 or more"):
        plots.class_grids(runs, 0)


def test_runs_that_read_other_z_are_refused(runs: dict[str, kit.Run], tmp_path: Path) -> None:
    data = tiny_images()
    gan = kit.GAN.for_images(data, kit.losses.ACGAN(), width=4, latent_dim=6)
    recipe = kit.Recipe(batch_size=8)
    run = kit.train(
        gan, data, steps=1, recipe=recipe, folder=tmp_path / "run", precision=kit.Precision()
    )
    with pytest.raises(ValueError, match=r"runs\['b'\] reads z of 6 .*runs\['a'\] of 5"):
        ClassGrid({"a": runs["acgan"], "b": run})
