# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · GAN: a game of two networks
#
# *You check the theory of the game against a trained discriminator, take both players' turns by hand, and make a
# generator collapse on purpose.*

# %% [markdown]
# ## What you will learn
#
# - the minimax game, and its best discriminator $D^*$, known exactly and learned;
# - why the generator of the game's own loss can stand still, and what everybody does instead;
# - how mode collapse comes about, how to measure it, and what cured it here and what did not;
# - what a GAN without labels cannot give you.

# %% [markdown]
# ## Before you start
#
# You have trained a small neural network once, and know what a gradient and a cross entropy are.
#
# **Time:** about two minutes to run on a laptop with two cores and no GPU; an hour and a half to read, think and
# answer. Nothing is downloaded.

# %%
import math

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import logsigmoid

import cgan_kit as kit
from cgan_kit import metrics, plots
from cgan_kit.exercises import gan as exercise
from cgan_kit.training.step import draw
from cgan_kit.widgets.duel import Duel, Rules
from cgan_kit.widgets.playground2d import FIELD_COLOURS

# One thread and plain float32, so that the lesson repeats itself on your machine.
torch.set_num_threads(1)
FLOAT32 = kit.Precision()

# %% [markdown]
# ## 1 · The discriminator's side
#
# Real data are points $x$ with some density $p$. The **generator** $G$ turns noise $z$ into points $G(z)$, whose
# distribution we call $p_G$. The **discriminator** $D$ sees a point and says how probable it is that the point is
# real. They play for one number (Goodfellow et al., 2014, equation 1):
#
# $$\min_G \max_D V(D, G), \qquad V(D, G) = \mathbb{E}_{x\sim p}[\log D(x)] + \mathbb{E}_{z}[\log(1 - D(G(z)))].$$
#
# Our data: eight Gaussians on a ring. For those we know $p$ exactly, which nobody does for images.

# %%
ring = kit.data.load("gaussians", standard_deviation=0.2)
print(ring)

# %% [markdown]
# ### The best discriminator, in two lines
#
# Hold $G$ fixed. Then $V = \int \bigl[p(x)\log D(x) + p_G(x)\log(1 - D(x))\bigr]dx$, and at each $x$ we may choose $D(x)$
# freely. Set the slope to zero:
#
# $$\frac{p}{D} = \frac{p_G}{1-D} \quad\Longrightarrow\quad D^*(x) = \frac{p(x)}{p(x) + p_G(x)},
# \qquad V(D^*, G) = 2\,\mathrm{JSD}(p, p_G) - \log 4.$$
#
# JSD is the Jensen-Shannon divergence. With $m = (p + p_G)/2$, the mixture of both,
#
# $$\mathrm{JSD}(p, p_G) = \tfrac12\,\mathbb{E}_{p}\log\frac{p}{m} + \tfrac12\,\mathbb{E}_{p_G}\log\frac{p_G}{m}.$$
#
# It says how far two distributions are apart: 0 if they are equal, $\log 2$ if they never meet. So with the best $D$ against it,
# $G$ is paid for bringing $p_G$ to $p$.
#
# ### Predict
#
# Take a simple generator whose density we know as well: $G(z) = 1.5\,z$, a wide round cloud. **Where will $D^*$ be
# near 1, where near 0, and where 0.5?** And which value would $V$ have if $G$ were perfect?
#
# ### Run
#
# First $V(D^*, G)$, as an integral over a fine grid of points, in both ways of writing it. From here on the *network* gives a **score** $f$, any real
# number, and the logistic function $\sigma$ makes the probability of it: $D = \sigma(f)$. (In the code `D(x)` is the score.) $\log\sigma$ is computed in one go (`logsigmoid`), because
# $\log 0$ waits at the end of the other road.

# %%
ticks = torch.linspace(-8, 8, 321, dtype=torch.float64)
plane = torch.cartesian_prod(ticks, ticks)
cell = (ticks[1] - ticks[0]) ** 2
log_p = ring.log_marginal(plane)
log_g = -(plane**2).sum(dim=1) / (2 * 1.5**2) - math.log(2 * math.pi * 1.5**2)


def integral(values):
    return float(values.sum() * cell)


def value(scores):
    """V(D, G) of D = σ(score) against this G."""
    return integral(log_p.exp() * logsigmoid(scores) + log_g.exp() * logsigmoid(-scores))


best_scores = log_p - log_g  # the score of D*: exercise 2
log_m = torch.logaddexp(log_p, log_g) - math.log(2)  # their mixture
p_part = integral(log_p.exp() * (log_p - log_m)) / 2
jsd = p_part + integral(log_g.exp() * (log_g - log_m)) / 2
print(f"V(D*, G)        {value(best_scores):.4f}")
print(f"2 JSD - log 4   {2 * jsd - math.log(4):.4f}")
print(f"a perfect G     {-math.log(4):.4f}")

# %% [markdown]
# Now a network that has never heard of densities. $D$ maximises $V$; in code a loss is minimised, so the signs turn round.


# %%
def networks(seed, width=32):
    """G from 2 numbers to a point, D from a point to a score."""
    torch.manual_seed(seed)

    def layers(outputs):
        return torch.nn.Sequential(
            torch.nn.Linear(2, width),
            torch.nn.LeakyReLU(0.2),
            torch.nn.Linear(width, width),
            torch.nn.LeakyReLU(0.2),
            torch.nn.Linear(width, outputs),
        )

    return layers(2), layers(1)


# %%
def step_d(D, optimiser, x, fake):
    loss = -logsigmoid(D(x)).mean() - logsigmoid(-D(fake)).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


# %% tags=["nbval-ignore-output"]
_, D = networks(seed=0, width=64)
optimiser = torch.optim.Adam(D.parameters(), lr=5e-3, fused=True)
fields = {"best, D*": best_scores.sigmoid()}
for step in range(1, 1001):
    x = ring.points[torch.randint(len(ring), (256,))]
    step_d(D, optimiser, x, fake=1.5 * torch.randn(256, 2))
    if step in (10, 100, 1000):
        with torch.no_grad():
            scores = D(plane.float()).squeeze(1).double()
        fields[f"learned, {step:,} steps"] = scores.sigmoid()
        print(f"after {step:>5,} steps V(D, G) = {value(scores):.3f}")
print(f"best             V(D*, G) = {value(best_scores):.3f}")

# %% [markdown]
# ### Look

# %%
figure, panels = plt.subplots(1, 4, figsize=(11, 2.9), layout="constrained")
for axes, (title, field) in zip(panels, fields.items(), strict=True):
    grid = field.view(321, 321).T
    picture = axes.contourf(ticks, ticks, grid, levels=20, cmap=FIELD_COLOURS, vmin=0, vmax=1)
    axes.set(title=title, xlim=(-4, 4), ylim=(-4, 4), xticks=[], yticks=[], aspect="equal")
bar = figure.colorbar(picture, ax=panels, label="D(x): fake 0, real 1", ticks=[0, 0.5, 1])
plots.show(
    figure,
    alt="Four maps of the plane. The best discriminator is 1 on eight spots of a ring and 0 in the round cloud "
    "between and around them; a learned one starts flat and comes to resemble it.",
)

# %% [markdown]
# ### Explain
#
# - $D^*$ is a *ratio* of densities. Blue are the eight places where real points outnumber fake ones. White rings
#   round them, where the two are equally dense: $D^* = 0.5$.
# - The learned $V$ climbs towards the best and never above it: $D^*$ is the maximum. What is missing is what a small
#   network and a thousand steps cannot do.
# - Against a perfect $G$, $D^*$ is 0.5 everywhere and $V = -\log 4$. That is the lowest $V(D^*, G)$ there is, and the
#   end that $G$ is after.

# %% [markdown]
# ## 2 · The generator's side
#
# $G$ wants $V$ small. Only the second half of $V$ knows $G$, so its loss is $\mathbb{E}[\log(1 - D(G(z)))]$. The same
# paper offers another one at once: let $G$ *maximise* $\mathbb{E}[\log D(G(z))]$. Both want $D$ to take fakes for
# real. With a fake's score $f$, $D = \sigma(f)$:
#
# | game | $G$ minimises | slope in $f$ |
# |---|---|---|
# | minimax, *saturating* | $\log(1 - \sigma(f))$ | $-\sigma(f) = -D$ |
# | *non-saturating* | $-\log \sigma(f)$ | $-(1 - \sigma(f)) = -(1 - D)$ |


# %%
def minimax(fake_scores):
    return logsigmoid(-fake_scores).mean()


def non_saturating(fake_scores):
    return -logsigmoid(fake_scores).mean()


def step_g(G, D, optimiser, z, loss_of):
    loss = loss_of(D(G(z)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


# %% [markdown]
# `step_d` and `step_g` in turn: that is the whole of GAN training. Is it what the kit does? We take ten turns of
# each, from the same weights and on the same points, and compare.

# %%
kits, ours = Duel(ring, seed=0), Duel(ring, seed=0)
players = ours.players
any_class = torch.zeros(64, dtype=torch.int64)  # the kit's G asks for labels; here all are 0
G, D = players.gan.generator, players.gan.discriminator


def make(z):
    return G(z, any_class)


def score(x):
    return D(x).adversarial


for _ in range(10):
    x, _, z = draw(players)
    step_d(score, players.discriminator_optimiser, x, make(z).detach())
    x, _, z = draw(players)
    step_g(make, score, players.generator_optimiser, z, non_saturating)
    kits.play("D", Rules())
    kits.play("G", Rules())
pairs = zip(players.gan.parameters(), kits.players.gan.parameters(), strict=True)
print("the same weights as the kit's:", all(torch.allclose(a, b, atol=1e-4) for a, b in pairs))

# %% [markdown]
# ### Predict
#
# Suppose that $D$ is far ahead: it is sure that fakes are fake, $D(G(z)) \approx 0.002$, a score of $-6$. **How many times more does the
# one loss tell $G$ than the other?**
#
# ### Look

# %%
scores = torch.linspace(-8, 6, 141)
figure, axes = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
for name, loss_of, line, colour in (
    ("minimax", minimax, "--", plots.COLOURS["none"]),
    ("non-saturating", non_saturating, "-", plots.COLOURS["generator"]),
):
    f = scores.clone().requires_grad_()
    (slope,) = torch.autograd.grad(len(f) * loss_of(f), f)  # the losses are means
    axes.plot(scores, slope.abs(), line, color=colour, label=name)
    at = "   ".join(f"{slope[i].abs():.4f}" for i in (20, 50, 80, 110))
    print(f"{name:<15} slope at a score of -6, -3, 0, 3:   {at}")
axes.set(xlabel="score of a fake: left, D is sure", ylabel="size of the slope")
axes.legend(frameon=False)
axes.grid(alpha=0.3)
plots.show(
    figure,
    alt="Size of the slope of G's loss against the score of a fake: where D is sure that it is fake, the minimax "
    "slope is near 0 and the non-saturating one near 1; they cross at a score of 0.",
)

# %% [markdown]
# At $-6$ the non-saturating loss tells $G$ 400 times more. The minimax loss is flat exactly where $G$ has most to learn. It *saturates*.
#
# ### Predict
#
# $D$ gets 200 turns alone, then both play 300 rounds. Once $G$ steps by plain gradient descent, and once by Adam, as everybody does
# ($D$ always by Adam). Adam divides each step by the recent size of the gradient. What will it make of a gradient that is tiny but
# points in the right direction?
#
# ### Run
#
# Three seeds each. *Gradient* is the length of $G$'s gradient before its first turn; *distance* is how far the fakes lie from the
# middle in the end, on average; they begin at 0.2. Real points lie 2 from it.


# %%
def adam(network):
    return torch.optim.Adam(network.parameters(), lr=2e-3, betas=(0.0, 0.99), fused=True)


def plain(network):
    return torch.optim.SGD(network.parameters(), lr=2e-3)


def late_start(loss_of, optimiser_of, seed, ahead=200, rounds=300):
    """(length of G's first gradient, mean distance of its points from the middle at the end)."""
    G, D = networks(seed)
    optimiser_D, optimiser_G = adam(D), optimiser_of(G)
    z = torch.randn(1000, 2)
    for turn in range(ahead + rounds):
        x = ring.points[torch.randint(len(ring), (64,))]
        step_d(D, optimiser_D, x, G(torch.randn(64, 2)).detach())
        if turn == ahead - 1:
            slopes = torch.autograd.grad(loss_of(D(G(z))), list(G.parameters()))
            gradient = float(torch.cat([slope.flatten() for slope in slopes]).norm())
        if turn >= ahead:
            step_g(G, D, optimiser_G, torch.randn(64, 2), loss_of)
    with torch.no_grad():
        return gradient, float(G(z).norm(dim=1).mean())


# %% tags=["nbval-ignore-output"]
print(f"{'G steps by':<18} {'game':<15}  gradient             distance")
for words, optimiser_of in (("gradient descent", plain), ("Adam", adam)):
    for loss_of in (minimax, non_saturating):
        found = [late_start(loss_of, optimiser_of, seed) for seed in range(3)]
        gradients, distances = ("  ".join(f"{v:.3f}" for v in each) for each in zip(*found))
        print(f"{words:<18} {loss_of.__name__:<15}  {gradients:<19}  {distances}")

# %% [markdown]
# ### Explain
#
# - The same $D$, the same fakes, and a gradient some 200 to 300 times smaller.
# - With plain gradient descent the saturating $G$ has not moved after 300 rounds, with any seed. The
#   non-saturating one has come to the ring or near it.
# - With Adam both get there. Adam takes the *size* out of the gradient. So "the minimax loss does not train" is half
#   the story: it depends on the optimiser too.
# - The two games have the same fixed point ($p_G = p$, $D = 0.5$), but the second one is no longer one number that
#   one side wants large and the other small. The non-saturating $G$ has a loss of its own.

# %% [markdown]
# ## 3 · Play it yourself
#
# Colours are $D(x)$. An **arrow** is minus the gradient of $G$'s loss at a fake point (times their number): which way
# $D$ tells this point to go. Noise stays fixed, so each point can be followed. *Both* takes a turn of $D$ and then
# one of $G$; *slow motion* takes turn after turn; *rewind* goes back to any turn, and playing on from there forgets
# what came after. Long arrows are drawn shortened; the line under the picture has their mean length. Leave *R1* at none.
#
# ### Predict
#
# Let $D$ take 100 turns while $G$ waits. What will happen to the arrows in the non-saturating game? And then, when
# you switch the game to minimax?
#
# ### Run
#
# 1. *times* 100, **Step D**. Switch *game* back and forth. Which way do the arrows point, and how long are they? Leave it at
#    non-saturating.
# 2. **Reset**, *times* 50, and **Both** until the ring is covered. Watch the colours fade: what does $D$ say at the
#    end?
# 3. Rewind to turn 60, *times* 1, and press **Step G** about ten times. When do points run past the place they were sent to?
# 4. **Reset**, *D's rate* 0.0002, *times* 50, and **Both**, again and again. You will need what you see in section 4.

# %% tags=["nbval-ignore-output"]
kit.widgets.Playground2D(ring)

# %% [markdown]
# Still, for places where widgets do not run: $D$ after 100 turns alone, in both games; then a fair game after 60 rounds, and after 400.

# %%
ahead = kit.widgets.Playground2D(ring)
ahead.play("D", 100)
for game, words in (("non-saturating", "long"), ("minimax", "short")):
    ahead.game.value = game
    plots.show(
        ahead.figure(),
        alt=f"D after 100 turns alone, {game} game: all fakes in the middle of the ring, with {words} arrows outwards.",
    )

# %%
still = kit.widgets.Playground2D(ring)
for rounds, words in ((60, "fakes nearly all told to go down and left"), (340, "fakes all round it")):
    still.play("DG", rounds)
    plots.show(
        still.figure(),
        alt=f"Eight clouds of real points on a ring, {words}, arrows, and the discriminator's opinion as colours.",
    )

# %% [markdown]
# ### Explain
#
# - $D$ ahead: the non-saturating arrows are some forty times as long as the minimax ones (mean length 2.2 and 0.05; the picture
#   shortens the long ones). Same field, same $D$.
# - An arrow is the slope of $D$'s *score*, times a number. So $G$ learns nothing about the data but this: which way
#   is "more real" from here, in $D$'s present opinion.
# - In a good game the colours fade to white: $D \approx 0.5$ where the points are. $D$'s poor score there is not its
#   failure, but $G$'s success. But white is no proof: a $D$ that learns too slowly is white too (your point 4).
# - Points overshoot. An arrow says what *this* point should do, but the weights are shared by all. And where there
#   are no data, $D$ has hardly been asked: its colour there is a guess, and $G$ falls for it.

# %% [markdown]
# ## 4 · Mode collapse
#
# $G$'s loss is a mean over its own points. Nothing in it asks $G$ to be *everywhere* that real points are. Only $D$
# can ask that, by noticing that a crowded place is crowded.
#
# ### Predict
#
# Two games after 400 rounds. In one of them $D$ learns as fast as $G$, in the other it has a tenth of $G$'s rate. You see what a loss
# curve would tell you, $L_D$ and $L_G$; what $D$ says of real points and of fakes; and the mean length of the arrows. Below them is a
# perfect game, in which $D = 0.5$ everywhere. **One of the two has collapsed: all its points are in one place. Which?**

# %% tags=["nbval-ignore-output"]
z = kit.grids.fixed_latents(1000, 2, seed=0)
slow = 2e-4  # a tenth of G's rate
equal = Rules()
print("          L_D    L_G   D(real)  D(fake)   arrows")
for name, rules in (("A", equal), ("B", equal._replace(discriminator_rate=slow))):
    duel = Duel(ring, seed=0)
    for _ in range(400):
        duel.play("D", rules)
        duel.play("G", rules)
    with torch.no_grad():
        real, fake = duel.scores(ring.points[:1000]), duel.scores(duel.fakes(z))
    l_d, l_g = -logsigmoid(real).mean() - logsigmoid(-fake).mean(), -logsigmoid(fake).mean()
    arrow = duel.pulls(duel.fakes(z), rules.game).norm(dim=1).mean()
    said = f"{real.sigmoid().mean():>9.2f} {fake.sigmoid().mean():>8.2f}"
    print(f"{name:<9}{l_d:.2f}   {l_g:.2f} {said} {arrow:>8.3f}")
print(f"perfect  {math.log(4):.2f}   {math.log(2):.2f}      0.50     0.50    0.000")

# %% [markdown]
# It is B that has collapsed, and no column puts it behind A. Now think of two cures for it: the penalty **R1**,
# $\frac{\gamma}{2}\,\mathbb{E}_x \lVert \nabla_x f(x) \rVert^2$, with the mean over real points $x$, $D$'s score $f$ and a weight $\gamma$: it holds the slope of the
# score down there; or ten turns
# of $D$ for each turn of $G$. **Which one will work?**
#
# ### Run
#
# Five settings, three seeds each. At each quarter of a game 1,000 points are sorted into the eight *modes*. A point counts
# within three standard deviations of a centre. *Near a mode* is the share of points that do; for real ones it is 0.99.

# %%
slowly = equal._replace(discriminator_rate=slow)
settings = {  # rules, turns of D a round, rounds
    "equal rates": (equal, 1, 1000),
    "slow D": (slowly, 1, 1000),
    "slow D, R1 with γ = 0.1": (slowly._replace(gamma=0.1), 1, 1000),
    "slow D, R1 with γ = 10": (slowly._replace(gamma=10.0), 1, 1000),
    "slow D, ten turns a round": (slowly, 10, 400),
}


def looks(rules, turns_of_D, rounds, seed):
    """G's points at each quarter of the game."""
    duel, seen = Duel(ring, seed=seed), []
    for round_ in range(1, rounds + 1):
        for _ in range(turns_of_D):
            duel.play("D", rules)
        duel.play("G", rules)
        if round_ % (rounds // 4) == 0:
            seen.append(duel.fakes(z))
    return seen


# %% tags=["nbval-ignore-output"]
seen = {name: [looks(*how, seed) for seed in range(3)] for name, how in settings.items()}
print(f"{'':<26} {'':>6}   modes hit at each quarter              near a mode")
print(f"{'':<26} rounds   seed 0     seed 1     seed 2           at the end")
for name, seeds in seen.items():
    counts = [[metrics.gaussian_modes(points, ring) for points in each] for each in seeds]
    hits = "    ".join(" ".join(str(count.hit) for count in each) for each in counts)
    near = "  ".join(f"{each[-1].quality:.2f}" for each in counts)
    print(f"{name:<26} {settings[name][2]:>6}   {hits}          {near}")

# %% [markdown]
# ### Look
#
# Seed 1 of four settings.

# %%
shown = [name for name in settings if "0.1" not in name]
figure, panels = plt.subplots(4, 4, figsize=(8, 8.2), layout="constrained")
for row, name in zip(panels, shown, strict=True):
    for quarter, (axes, points) in enumerate(zip(row, seen[name][1], strict=True), start=1):
        axes.plot(*ring.points[:400].T, ".", ms=2, color=plots.COLOURS["real"], alpha=0.5)
        axes.plot(*points[:200].T, plots.MARKERS["fake"], ms=2.5, color=plots.COLOURS["fake"])
        axes.set(xlim=(-4, 4), ylim=(-4, 4), xticks=[], yticks=[], aspect="equal")
        axes.set_title(f"{settings[name][2] * quarter // 4} rounds", fontsize=9)
    row[0].set_ylabel(name.replace(", ", ",\n"), fontsize=9)
plots.show(
    figure,
    alt="Fake points over real ones at four times. With equal rates they spread over the ring; with a slow "
    "discriminator they stay one clump that wanders; with a strong R1 they spread late, with ten turns in fewer rounds.",
)

# %% [markdown]
# ### Explain
#
# - **The collapse.** With a slow $D$ all thousand noise vectors end in one place. $D$'s field hardly changes while
#   $G$ moves, and in a field that stands still all points climb the same hill. When $D$ has at last learned that this
#   hill is crowded, the whole clump moves to the next. While it sits on a mode every fake looks right; whoever looks
#   at one at a time will not notice.
# - **No loss tells.** $L_D$ near $\log 4$, $D$ at one half, short arrows: so looks a game that is won, and so does a game in which $D$ has learned
#   too little.
# - **The measure notices.** With every seed, at every look: one mode of eight, or none when the clump is on its way (two at the most with R1 at
#   γ = 0.1). With equal rates all eight. Some of the points then still lie *between* modes: that is another fault; in the first row of the picture it shrinks as the rounds go by.
# - **R1 is a matter of dose.** With γ = 0.1 next to nothing changed. With γ = 10, the same penalty on the same slow $D$, more and more modes come back, until all
#   eight are there with every seed. R1 was made for games that circle and do not settle (Mescheder et al.,
#   2018), and a clump that wanders from mode to mode is such a game. A cure that failed at one dose is not refuted.
# - **Ten turns did it in fewer rounds**, though not in fewer turns: a round has eleven here. A $D$ that keeps up sees the crowd while it is
#   there: all eight modes, with every seed. Algorithm 1 of Goodfellow et al. has a number $k$ for it, though they used 1: it costs time. Cheaper is a
#   $D$ with a rate of its own (Heusel et al., 2017); here an equal one was enough.
# - So this is *one* cause of mode collapse, shown in one small game. On images there are others, and lesson 02 will
#   find one that comes with the class labels.

# %% [markdown]
# ## 5 · Images without labels
#
# Now images: 16 × 16 pixels of handwriting, convolutions in both networks (Radford et al., 2016), and the kit's usual recipe: another
# game, which compares real and fake in pairs (exercise 1), and a penalty on $D$'s slope. $D$ never sees a
# label.
#
# The kit's generator has a knob beside $z$: a number $y$ from 0 to 9. Nobody tells it what the knob is for.
#
# ### Predict
#
# Will the ten positions of the knob do anything? Will "7" be a seven?

# %% tags=["nbval-ignore-output"]
digits = kit.data.load("digits", size=16)
train, held_out = digits.split(held_out=0.2, seed=0)
gan = kit.GAN.for_images(train, conditioning=kit.losses.NoConditioning(), seed=0)
training = kit.Training(gan, train, steps=400, seed=0, precision=FLOAT32)
run = await kit.widgets.LiveTraining(training).fit()

# %%
plots.show(
    plots.class_grid(run, rows=6),
    alt="Six noise vectors down, the ten positions of the knob across: most images are legible digits, and most "
    "columns tend to one digit, which is seldom the one at its head.",
)

# %% [markdown]
# ### Look
#
# A classifier trained on real digits reads 50 images of each column. What you ask for stands at the left, what you
# get across the top.

# %% tags=["nbval-ignore-output"]
judge = metrics.train_classifier(train, held_out)
latents = kit.grids.fixed_latents(50, run.latent_dim, seed=1)
read = judge.predict(kit.grids.sample_grid(run.sample, latents, range(10))).view(50, 10)
print("asked  got:" + "".join(f"{k:>5}" for k in range(10)))
for k in range(10):
    print(
        f"{k:>5}      "
        + "".join(f"{count:>5}" for count in torch.bincount(read[:, k], minlength=10))
    )
print(f"as asked: {(read == torch.arange(10)).float().mean():.2f}; by guessing: 0.10")

# %% [markdown]
# ### Explain
#
# - Handwriting, from two networks and a game. No loss ever said what a stroke is.
# - The knob does something: most rows of the table have one or two large numbers. $G$ has found kinds of digits by itself
#   and has given them numbers of its own.
# - They cannot be *our* numbers. Swap two positions of the knob, and no loss changes, for $D$ does not know which
#   position was used. Another seed may give other names.
#
# So you cannot ask this network for a seven. Somebody has to tell $D$ what a seven is, and $D$ has to make $G$ obey.
# That is [lesson 02](02_acgan.ipynb).

# %% [markdown]
# ## Exercises
#
# ### 1 · The game in pairs (easy, 10 minutes)
#
# Section 5 played another game, the *relativistic* one in pairs (Jolicoeur-Martineau, 2019; Huang et al., 2024). Real point $i$ and fake $i$
# stand side by side, with scores $f_\text{real}$ and $f_\text{fake}$. $D$ wants the real one to score higher:
#
# $$L_D = \mathbb{E}\,\mathrm{softplus}(f_\text{fake} - f_\text{real}), \qquad \mathrm{softplus}(f) = \log(1 + e^{f}) = -\log\sigma(-f),$$
#
# and $G$ wants the opposite. From scores, each of shape (n,), to the number that is minimised: write both.


# %%
def loss_d(real, fake):
    return ...  # your answer


def loss_g(real, fake):
    return ...  # your answer


_ = exercise.check_discriminator_loss(loss_d)
_ = exercise.check_generator_loss(loss_g)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Compare pair by pair; the mean comes last. And what is $\log(1 + e^{300})$ in float32, if you write it as it stands?
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# def loss_d(real, fake):
#     return torch.nn.functional.softplus(fake - real).mean()
#
#
# def loss_g(real, fake):
#     return torch.nn.functional.softplus(real - fake).mean()
# ```
#
# Here a fake's score counts only beside that of a real point. With labels, both of a pair have the same one: lesson 02 plays it so.
#
# </details>

# %% [markdown]
# ### 2 · The best discriminator, everywhere (easy, 5 minutes)
#
# From $\log p(x)$ and $\log p_G(x)$ to $D^*(x)$. Far from all data both densities round to 0; your answer should not.


# %%
def best_d(log_p, log_g):
    return ...  # your answer


_ = exercise.check_best_discriminator(best_d)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Divide numerator and denominator of $p/(p + p_G)$ by $p$. You have met the function that remains.
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# def best_d(log_p, log_g):
#     return torch.sigmoid(log_p - log_g)
# ```
#
# So the best *score* is the log ratio of the densities. A trained $D$ is an estimate of it.
#
# </details>

# %% [markdown]
# ### 3 · Three generators (medium, 10 minutes)
#
# Each has one fault: "collapsed" (some modes are missing), "blurred" (too wide) or "uneven" (all modes, but not
# equally often). Tell them apart *without a picture*: let `metrics.gaussian_modes(points, ring)` count, and compare
# each number with that of perfect points beside it.

# %%
generators = exercise.three_generators(ring)
# your counts here

faults = {"A": ..., "B": ..., "C": ...}  # your answers

_ = exercise.check_three_generators(faults)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `hit` is how many modes were seen at all, `quality` the share of points near one, and `kl` how far the counts are
# from equal ones. Each has a `perfect_...` beside it.
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# for name, points in generators.items():
#     count = metrics.gaussian_modes(points, ring)
#     print(name, count.hit, round(count.quality, 2), round(count.kl, 3), round(count.perfect_kl, 3))
# faults = {"A": "uneven", "B": "collapsed", "C": "blurred"}
# ```
#
# A collapsed generator has a large KL too. So look at `hit` first.
#
# </details>

# %% [markdown]
# ## What we saw
#
# - The best $D$ is a ratio of densities, and against it $G$ is paid by the Jensen-Shannon divergence. With a learned $D$, $V$
#   comes near to its best from below.
# - The minimax loss of $G$ is flat where $D$ is sure. Plain gradient descent stood still there; Adam did not. The
#   non-saturating loss is steep there.
# - A $D$ that is slower than $G$ led to mode collapse with every seed. More turns of $D$ cured it; so did R1 at γ = 10, and not at γ = 0.1.
# - Counting shows it, and so does a picture where there are two dimensions. A single sample does not, and no loss.
# - Without labels, what $G$ can be asked for has no names.

# %% [markdown]
# ## Questions
#
# <details><summary>D's accuracy falls to one half. Is the training broken?</summary>
#
# It may be finished: against a perfect $G$ the best $D$ says 0.5 everywhere. It may be broken too, if $D$ is too weak
# to see a difference that is there. The losses alone do not tell; look at samples, and count.
#
# </details>
#
# <details><summary>Should we train D to the end before each turn of G?</summary>
#
# In theory $G$ then follows the Jensen-Shannon divergence. In practice such a $D$ is sure everywhere, and the
# saturating $G$ hears next to nothing. You saw it in section 2, with $D$ 200 turns ahead.
#
# </details>
#
# <details><summary>Short arrows and a white field: is the training going well?</summary>
#
# It may be, or not. At $p_G = p$ the best score $\log p - \log p_G$ is 0 everywhere, and a flat field has no slope. But a slow $D$ is flat as well: game B of
# section 4 had the shortest arrows, and every point in one clump.
#
# </details>
#
# <details><summary>Why does nothing in G's loss punish mode collapse?</summary>
#
# It is a mean over points, and each point is judged alone. If every point lies where $D$ says "real", the mean is as
# good as it gets, one place or eight. Crowding shows only in how $D$ changes next.
#
# </details>

# %% [markdown]
# ## References
#
# - Goodfellow et al.: *Generative Adversarial Networks*, 2014, arXiv:1406.2661: the game, $D^*$ (proposition 1), both
#   losses of $G$.
# - Radford, Metz, Chintala: *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
#   Networks*, ICLR 2016, arXiv:1511.06434.
# - Mescheder, Geiger, Nowozin: *Which Training Methods for GANs do actually Converge?*, ICML 2018, arXiv:1801.04406:
#   R1.
# - Jolicoeur-Martineau: *The Relativistic Discriminator: a Key Element Missing from Standard GAN*, ICLR 2019, arXiv:1807.00734;
#   Huang et al.: *The GAN Is Dead; Long Live the GAN! A Modern GAN Baseline*, NeurIPS 2024, arXiv:2501.05441: the game in pairs.
# - Heusel et al.: *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*, 2017,
#   arXiv:1706.08500.
# - Kahng, Thorat, Chau, Viégas, Wattenberg: *GAN Lab: Understanding Complex Deep Generative Models using Interactive
#   Visual Experimentation*, 2018, arXiv:1809.01587: the playground that ours learned from.
