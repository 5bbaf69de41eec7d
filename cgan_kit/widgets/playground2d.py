"""A GAN on points in the plane, moved by hand: each turn of each player, and back again."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from cgan_kit.data import PointSet
from cgan_kit.grids import fixed_latents
from cgan_kit.pictures import to_png
from cgan_kit.plots import COLOURS, DPI, MARKERS
from cgan_kit.widgets.duel import GAMES, MOST_TURNS, Duel, Player, Rules
from cgan_kit.widgets.parts import MimeBundle, caption, choice, mime_bundle, picture

RATES = (0.0002, 0.002, 0.01)
GAMMAS = (0.0, 0.1, 1.0, 10.0)
PACES = (("1 s", 1000), ("0.5 s", 500), ("0.2 s", 200))
REAL_SHOWN, FAKE_SHOWN = 400, 100
FIELD_SIDE = 60  # points a side at which D is asked
PALE = 0.55  # of the field's colours, so that points stay visible on it
ARROW = 0.35  # of the half side: the length an arrow nears as its force grows
HALF_GROWN = 0.3  # the force whose arrow has half that length

FIELD_COLOURS = LinearSegmentedColormap.from_list(
    "field", [COLOURS["fake"], "white", COLOURS["real"]]
)


class Playground2D(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Take the turns of D and G yourself, and watch D's opinion and what it tells G.

    Colours are D(x), the probability of "real"; arrows are -n ∂L_G/∂x at the fake points: which
    way each of them should go. The z of the fake points stay the same, so each can be followed.
    A turn after a rewind goes on from there, and what came after is forgotten.

    Arguments:
        data: points in the plane, of whose labels nothing is used.
        rules: what the dials start with.
        seed: of weights, data order and latents.

    Attributes:
        duel: the two players and all their turns so far (at most `MOST_TURNS`; see `Duel`).
        step_d, step_g, both, reset: buttons; the first three take `times` turns (each).
        times: how many.
        slow: `ipywidgets.Play`: a turn at a time, D and G in alternation; `pace` its seconds.
        rewind: slider over the turns played.
        game, rate_d, rate_g, gamma: choosers; see `Rules`. They hold from the next turn on.
        latents: float32 (100, Z), of the fake points.
        image: `ipywidgets.Image`; its value is the picture as PNG bytes.

    Raises:
        ValueError: data that are not points in the plane; rules that the dials do not have.
    """

    def __init__(self, data: PointSet, rules: Rules = Rules(), seed: int = 0) -> None:  # noqa: B008
        if data.sample_shape != (2,):
            raise ValueError(
                f"data has samples of shape {data.sample_shape}; give points (2,), such as "
                "load('gaussians')"
            )
        _check_rules(rules)
        self.data = data
        self.seed = seed
        self.duel = Duel(data, seed=seed)
        self.latents = fixed_latents(FAKE_SHOWN, self.duel.players.gan.latent_dim, seed)
        self.reach = 1.25 * float(data.points.abs().max())
        self._frame: Any = None  # of the picture, with all that stays
        self._still = False  # while the slider follows the turns, not the other way round
        self._make_picture()
        self._make_controls(rules)
        super().__init__(children=self._arranged())
        self._show()
        for button, players in ((self.step_d, "D"), (self.step_g, "G"), (self.both, "DG")):
            button.on_click(lambda _, players=players: self.play(players, self.times.value))
        self.reset.on_click(self._restart)
        self.slow.observe(self._tick, names="value")
        self.rewind.observe(self._go, names="value")
        self.game.observe(self._draw, names="value")

    def __repr__(self) -> str:
        return f"Playground2D: {len(self.data):,} points"

    def _repr_mimebundle_(self, **kwargs: Any) -> MimeBundle:
        bundle = super()._repr_mimebundle_(**kwargs)
        return mime_bundle(bundle, self.image.value, self._describe(), repr(self))

    @property
    def rules(self) -> Rules:
        """What the dials say."""
        return Rules(self.game.value, self.rate_d.value, self.rate_g.value, self.gamma.value)

    def play(self, players: str, times: int = 1) -> None:
        """`times` turns of "D" or "G", or of both: "DG". As many as are still remembered."""
        order: list[Player] = ["D" if player == "D" else "G" for player in players]
        for player in (order * times)[: MOST_TURNS - self.duel.at]:
            self.duel.play(player, self.rules)
        self._show()

    def figure(self) -> Figure:
        """What the picture shows: field, points and arrows as they are now."""
        fake = self.duel.fakes(self.latents)
        pulls = self.duel.pulls(fake, self.game.value)
        with torch.no_grad():
            field = torch.sigmoid(self.duel.scores(self._asked)).view(FIELD_SIDE, FIELD_SIDE)
        sizes = pulls.norm(dim=1, keepdim=True)
        arrows = ARROW * self.reach * pulls / (sizes + HALF_GROWN)
        self._field.set_data(field.numpy())
        self._fake.set_data(*fake.T.numpy())
        self._arrows.set_offsets(fake.numpy())
        self._arrows.set_UVC(*arrows.T.numpy())
        self._now = (fake, sizes)
        return self._figure

    def _show(self) -> None:
        """The slider follows the turns; then a picture."""
        self._still = True
        self.rewind.max = len(self.duel.turns)
        self.rewind.value = self.duel.at
        self._still = False
        self._draw()

    def _draw(self, _: object = None) -> None:
        canvas: Any = self.figure().canvas
        if self._frame is None:
            canvas.draw()
            self._frame = canvas.copy_from_bbox(self._figure.bbox)
        canvas.restore_region(self._frame)
        for artist in self._moving:
            self._figure.axes[0].draw_artist(artist)
        self.image.value = to_png(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        self.caption.value = caption(self._describe())

    def _go(self, change: dict[str, Any]) -> None:
        if not self._still:
            self.duel.go_to(change["new"])
            self._draw()

    def _tick(self, change: dict[str, Any]) -> None:
        if change["new"] > change["old"]:  # Stop sets it back to 0
            done = self.duel.turns[: self.duel.at]
            self.play("G" if done and done[-1].player == "D" else "D")

    def _restart(self, _: object = None) -> None:
        self.duel = Duel(self.data, seed=self.seed)
        self._show()

    def _describe(self) -> str:
        duel, (fake, sizes) = self.duel, self._now
        done = [turn.player for turn in duel.turns[: duel.at]]
        with torch.no_grad():
            real, made = (
                float(torch.sigmoid(duel.scores(points)).mean()) for points in (self._real, fake)
            )
        full = " No more turns are remembered: rewind or reset." if duel.at >= MOST_TURNS else ""
        return (
            f"Turn {duel.at:,} of {len(duel.turns):,}: D has had {done.count('D'):,}, "
            f"G {done.count('G'):,}. D says {real:.2f} of real points and {made:.2f} of fake ones, "
            f"on average. Arrows: mean length {float(sizes.mean()):.2g}.{full}"
        )

    def _make_picture(self) -> None:
        """Frame, real points and legend once; `figure` moves the rest."""
        draw = torch.Generator().manual_seed(self.seed)
        self._real = self.data.points.cpu()[torch.randperm(len(self.data), generator=draw)]
        self._real = self._real[:REAL_SHOWN]
        ticks = torch.linspace(-self.reach, self.reach, FIELD_SIDE)
        self._asked = torch.cartesian_prod(ticks, ticks).flip(1)  # row by row, from below
        self._figure = Figure(figsize=(6.6, 4.6), dpi=DPI)
        FigureCanvasAgg(self._figure)
        axes = self._figure.add_axes((0.01, 0.01, 0.683, 0.98))
        self._field = axes.imshow(
            np.zeros((FIELD_SIDE, FIELD_SIDE)),
            extent=(-self.reach, self.reach, -self.reach, self.reach),
            cmap=FIELD_COLOURS, vmin=0, vmax=1, alpha=PALE, origin="lower",
            interpolation="bilinear",
        )  # fmt: skip
        real, fake = COLOURS["real"], COLOURS["fake"]
        (still,) = axes.plot(
            *self._real.T.numpy(), MARKERS["real"], ms=3, color=real, mew=0, label="real points"
        )
        (self._fake,) = axes.plot(
            [], [], MARKERS["fake"], ms=5, mfc=fake, mec="black", mew=0.6, label="fake points"
        )
        origin = np.zeros(FAKE_SHOWN)
        self._arrows = axes.quiver(
            origin, origin, origin, origin, color=COLOURS["generator"], angles="xy",
            scale_units="xy", scale=1, width=0.005,
        )  # fmt: skip
        told = r"$\rightarrow$"  # stands for the arrows in the legend
        axes.plot([], [], c=COLOURS["generator"], marker=told, ms=14, ls="", label="pull on a fake")
        # Drawn anew each time, on a frame with legends that is drawn once.
        self._moving: list[Artist] = [self._field, still, self._fake, self._arrows]
        for artist in self._moving:
            artist.set_animated(True)
        axes.set(xlim=(-self.reach, self.reach), ylim=(-self.reach, self.reach))
        axes.set(xticks=[], yticks=[])
        bar = self._figure.colorbar(self._field, cax=self._figure.add_axes((0.72, 0.1, 0.03, 0.5)))
        bar.set_ticks([0, 0.5, 1], labels=["0 fake", "0.5 cannot tell", "1 real"])
        bar.ax.set_title("D(x)", fontsize=10)
        self._figure.legend(loc="upper left", bbox_to_anchor=(0.7, 0.98), frameon=False)

    def _make_controls(self, rules: Rules) -> None:
        self.step_d = _button("Step D", "Discriminator's turns")
        self.step_g = _button("Step G", "Generator's turns")
        self.both = _button("Both", "A turn of D, then one of G")
        self.reset = _button("Reset", "Fresh networks, no turns")
        self.times = ipywidgets.BoundedIntText(min=1, max=500, value=1, description="times")
        self.slow = ipywidgets.Play(
            min=0, max=2 * MOST_TURNS, interval=1000, show_repeat=False, description="Slow motion"
        )
        self.pace = choice("a turn each", PACES, 1000, 60)
        ipywidgets.dlink((self.pace, "value"), (self.slow, "interval"))
        self.rewind = ipywidgets.IntSlider(min=0, max=0, description="rewind to")
        rates = [(f"{rate:g}", rate) for rate in RATES]
        gammas = [(f"{gamma:g}" if gamma else "none", gamma) for gamma in GAMMAS]
        self.game = choice("game", [(name, name) for name in GAMES], rules.game, 125)
        self.rate_d = choice("D's rate", rates, rules.discriminator_rate, 75)
        self.rate_g = choice("G's rate", rates, rules.generator_rate, 75)
        self.gamma = choice("R1, γ", gammas, rules.gamma, 60)
        self.times.layout.width, self.rewind.layout.width = "130px", "380px"
        self.times.style.description_width = self.rewind.style.description_width = "initial"
        self.image, self.caption = picture(), ipywidgets.HTML()

    def _arranged(self) -> list[Any]:
        turns = [self.step_d, self.step_g, self.both, self.times, self.reset, self.rewind]
        rows = [
            ipywidgets.HBox(turns),
            ipywidgets.HBox([ipywidgets.Label("slow motion"), self.slow, self.pace]),
            ipywidgets.HBox([self.game, self.gamma]),
            ipywidgets.HBox([self.rate_d, self.rate_g]),
        ]
        for row in rows:
            row.layout.flex_flow = "row wrap"
            row.layout.align_items = "center"
        return [*rows, self.image, self.caption]


def _button(name: str, tooltip: str) -> Any:
    button = ipywidgets.Button(description=name, tooltip=tooltip)
    button.layout.width = "auto"
    return button


def _check_rules(rules: Rules) -> None:
    allowed = (tuple(GAMES), RATES, RATES, GAMMAS)
    for name, value, values in zip(Rules._fields, rules, allowed, strict=True):
        if value not in values:
            raise ValueError(
                f"rules.{name} is {value!r}; give one of {', '.join(map(str, values))}"
            )
