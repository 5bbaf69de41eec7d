"""The playground, every control of it moved: what it shows is where the duel is."""

import base64
import re

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

import cgan_kit as kit
from cgan_kit.pictures import from_png
from cgan_kit.plots import COLOURS
from cgan_kit.widgets import Playground2D
from cgan_kit.widgets import playground2d as module
from cgan_kit.widgets.duel import Rules

RING = kit.data.load("gaussians", samples=500)


def words(playground: Playground2D) -> str:
    return re.sub("<.*?>", "", playground.caption.value)


@pytest.mark.parametrize(
    ("button", "times", "turns"),
    [("step_d", 1, "D"), ("step_d", 3, "DDD"), ("step_g", 2, "GG"), ("both", 2, "DGDG")],
)
def test_buttons_take_their_turns(button: str, times: int, turns: str) -> None:
    playground = Playground2D(RING)
    before = playground.image.value
    playground.times.value = times
    getattr(playground, button).click()
    assert "".join(turn.player for turn in playground.duel.turns) == turns
    assert playground.image.value != before
    assert (playground.rewind.max, playground.rewind.value) == (len(turns), len(turns))
    had = f"D has had {turns.count('D')}, G {turns.count('G')}."
    assert words(playground).startswith(f"Turn {len(turns)} of {len(turns)}: {had}")


def test_dials_hold_from_the_next_turn_on() -> None:
    playground = Playground2D(RING, Rules(generator_rate=0.01))
    playground.step_d.click()
    playground.game.value, playground.gamma.value = "minimax", 1.0
    playground.rate_d.value = 0.0002
    playground.step_g.click()
    played = [turn.rules for turn in playground.duel.turns]
    assert played == [Rules(generator_rate=0.01), Rules("minimax", 0.0002, 0.01, 1.0)]


def test_rewind_shows_every_turn_again_and_a_turn_goes_on_from_there() -> None:
    playground, pictures = Playground2D(RING), []
    pictures.append((playground.image.value, words(playground)))
    for button in (playground.step_d, playground.both, playground.step_g):
        button.click()
    weights = [each.clone() for each in playground.duel.players.gan.parameters()]
    for turn in (3, 2, 1, 0, 4):
        playground.rewind.value = turn
        assert playground.duel.at == turn
        assert words(playground).startswith(f"Turn {turn} of 4:")
        assert len(playground.duel.turns) == 4
    playground.rewind.value = 0
    assert (playground.image.value, words(playground)) == (
        pictures[0][0],
        pictures[0][1].replace("of 0", "of 4"),
    )
    playground.rewind.value = 1
    playground.both.click()
    assert (playground.rewind.value, playground.rewind.max) == (3, 3)
    playground.step_g.click()
    for ours, first in zip(playground.duel.players.gan.parameters(), weights, strict=True):
        assert torch.equal(ours, first)


def test_slow_motion_takes_a_turn_a_tick_in_alternation_and_stop_none() -> None:
    playground = Playground2D(RING)
    for tick in range(1, 5):
        playground.slow.value = tick
        assert len(playground.duel.turns) == tick
    playground.slow.value = 0
    assert "".join(turn.player for turn in playground.duel.turns) == "DGDG"
    playground.rewind.value = 3
    playground.slow.value = 1
    assert "".join(turn.player for turn in playground.duel.turns) == "DGDG"
    assert playground.duel.at == 4
    for _, pace in module.PACES:
        playground.pace.value = pace
        assert playground.slow.interval == pace


def test_reset_is_a_fresh_playground() -> None:
    playground, fresh = Playground2D(RING, seed=5), Playground2D(RING, seed=5)
    playground.both.click()
    playground.reset.click()
    assert playground.image.value == fresh.image.value
    assert (playground.rewind.max, playground.rewind.value) == (0, 0)
    assert words(playground) == words(fresh)


def test_no_more_turns_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TURNS", 5)
    playground = Playground2D(RING)
    playground.times.value = 500
    playground.both.click()
    assert len(playground.duel.turns) == 5
    assert "No more turns are remembered: rewind or reset." in words(playground)
    playground.step_d.click()
    assert len(playground.duel.turns) == 5
    playground.rewind.value = 4
    assert "rewind or reset" not in words(playground)


def test_the_picture_holds_ds_field_the_points_and_the_pulls() -> None:
    playground = Playground2D(RING)
    playground.times.value = 30
    playground.both.click()
    duel, figure = playground.duel, playground.figure()
    (axes, bar) = figure.axes
    (field,) = axes.images
    left, right, low, high = field.get_extent()
    across = torch.linspace(left, right, module.FIELD_SIDE)
    up = torch.linspace(low, high, module.FIELD_SIDE)
    for row, column in ((0, 0), (0, 40), (59, 3), (20, 50)):
        corner = torch.stack([across[column], up[row]])[None]
        assert float(field.get_array()[row, column]) == pytest.approx(
            torch.sigmoid(duel.scores(corner)).item(), abs=1e-5
        )
    fake = duel.fakes(playground.latents)
    arrows = next(each for each in axes.collections if hasattr(each, "U"))
    np.testing.assert_allclose(arrows.get_offsets(), fake.numpy(), rtol=1e-6)
    pulls = duel.pulls(fake, "non-saturating").numpy()
    drawn = np.stack([arrows.U, arrows.V], axis=1)
    sizes, lengths = (np.linalg.norm(each, axis=1) for each in (pulls, drawn))
    np.testing.assert_allclose((pulls * drawn).sum(axis=1), sizes * lengths, rtol=1e-4)
    order = np.argsort(sizes)
    assert (np.diff(lengths[order]) >= -1e-6).all()
    assert lengths.max() < module.ARROW * playground.reach
    assert f"mean length {sizes.mean():.2g}" in words(playground)
    real = next(line for line in axes.lines if line.get_label() == "real points")
    assert len(real.get_xdata()) == module.REAL_SHOWN
    assert len(bar.get_yticks()) == 3


def test_the_fast_picture_is_the_whole_figure() -> None:
    playground = Playground2D(RING)
    playground.both.click()  # a second picture, drawn on the frame of the first
    fast = from_png(playground.image.value).astype(int)
    figure = playground.figure()
    for artist in playground._moving:
        artist.set_animated(False)
    figure.canvas.draw()
    whole = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    apart = np.abs(fast - whole).max(axis=2) > 8
    assert apart.mean() < 0.005  # the frame's line is drawn before the field, not after it


def test_real_is_blue_and_fake_is_orange() -> None:
    colours = module.FIELD_COLOURS
    assert colours(1.0)[:3] == pytest.approx(to_rgb(COLOURS["real"]), abs=0.01)
    assert colours(0.0)[:3] == pytest.approx(to_rgb(COLOURS["fake"]), abs=0.01)
    assert min(colours(0.5)[:3]) > 0.98


def test_the_game_changes_the_arrows_at_once() -> None:
    playground = Playground2D(RING)
    playground.times.value = 100
    playground.step_d.click()
    lengths = {}
    for game in ("minimax", "non-saturating"):
        playground.game.value = game
        lengths[game] = float(re.search(r"mean length ([\d.e-]+[\d])", words(playground))[1])
    assert lengths["non-saturating"] > 10 * lengths["minimax"]


def test_a_saved_notebook_keeps_the_current_picture() -> None:
    playground = Playground2D(RING)
    playground.both.click()
    data, metadata = playground._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == playground.image.value
    assert data["text/plain"] == "Playground2D: 500 points"
    assert metadata["image/png"]["alt"].startswith("Turn 2 of 2: D has had 1, G 1.")


def test_no_widget_that_hangs_headless_runs() -> None:
    def kinds(widget):
        yield type(widget).__name__
        for child in getattr(widget, "children", ()):
            yield from kinds(child)

    expected = {"Playground2D", "HBox", "Label", "ToggleButtons", "IntSlider", "BoundedIntText"}
    assert set(kinds(Playground2D(RING))) == expected | {"Button", "Play", "Image", "HTML"}


def test_what_it_is_not_made_for_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data has samples of shape \(1, 8, 8\)"):
        Playground2D(kit.data.load("digits", size=8))
    with pytest.raises(ValueError, match=r"rules.game is 'hinge'; give one of non-saturating"):
        Playground2D(RING, Rules("hinge"))
    with pytest.raises(ValueError, match=r"rules.generator_rate is 3; give one of 0.0002"):
        Playground2D(RING, Rules(generator_rate=3))
