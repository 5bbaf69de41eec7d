# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Does AC-GAN's classifier explode?
#
# *You take the classifier's gradient apart into two factors, make it explode, and find out whether that is what
# ruins the samples.*

# %% [markdown]
# ## What you will learn
#
# - what the gradient of AC-GAN's classifier is made of, and what bounds it;
# - how to read an **instrument panel**, and how to tell a cause from a companion by intervening;
# - AC-GAN's *second* disease, which no norm shows;
# - which cure treats which disease, and what did not show at this scale.

# %% [markdown]
# ## Before you start
#
# You know AC-GAN's class loss from lesson 02. Kang et al. (2021), who made ReACGAN, write of it: "gradient exploding in the
# classifier can cause an undesirable collapse in early training, and projecting input vectors onto a unit hypersphere can
# resolve the problem". That is a cause and a cure. We take both as hypotheses and test them.
#
# **Time:** about a minute to run on a laptop with two cores and no GPU; an hour and a half to read, think and answer.
# Nothing is downloaded.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import torch

import cgan_kit as kit
from cgan_kit import metrics, panels, plots
from cgan_kit.diagnostics import ClassifierProbe, GradientShare, LayerProbe, SampleProbe, diagnose
from cgan_kit.diagnostics.curves import curve, short
from cgan_kit.exercises import explosion as exercise

# One thread and plain float32, so that the lesson repeats itself on your machine.
torch.set_num_threads(1)
FLOAT32 = kit.Precision()

# %% [markdown]
# ## 1 · One identity, two factors
#
# The classifier reads the features $F(x)$ and has one row $w_k$ for each class. Its logits are $s_{i,k} = w_k \cdot
# F(x_i)$, their softmax is $p_{i,k}$, and its loss is $L = -\frac1N \sum_i \log p_{i,y_i}$. (The kit's logits have a bias
# as well; it changes nothing here.) In three lines:
#
# $$\log p_{i,y_i} = s_{i,y_i} - \log \textstyle\sum_j e^{s_{i,j}}, \qquad
# \frac{\partial \log p_{i,y_i}}{\partial s_{i,k}} = 1[y_i = k] - p_{i,k}, \qquad
# \frac{\partial s_{i,k}}{\partial w_k} = F(x_i)$$
#
# and the chain rule gives
#
# $$\boxed{\;\frac{\partial L}{\partial w_k} = -\frac1N \sum_i F(x_i)\,\bigl(1[y_i = k] - p_{i,k}\bigr)\;}$$
#
# Each image pulls with a force of two factors: **how long** its features are, and **how wrong** the classifier is,
# $1 - p$. Check it on a real network, before any training:

# %%
points = kit.data.load("gaussians")  # eight classes on a ring, in the plane
gan = kit.GAN.for_points(points, kit.losses.ACGAN(), seed=0)
real, labels = points.real(torch.arange(64)), points.labels[:64]

features = gan.discriminator(real).features
logits = gan.conditioning.logits(features)
loss = torch.nn.functional.cross_entropy(logits, labels)
(by_autograd,) = torch.autograd.grad(loss, gan.conditioning.classifier.weight)

p = logits.softmax(dim=1)
wrong = torch.nn.functional.one_hot(labels, points.num_classes) - p  # 1[y = k] - p, (N, K)
by_formula = -wrong.T @ features / len(features)
print("autograd and formula agree:", torch.allclose(by_autograd, by_formula, atol=1e-6))

# %% [markdown]
# ### Predict
#
# Three images, one of each of three classes; a plane of two features. Which of the two factors can make the gradient as
# large as you like? Which can make it as small as you like? What happens to your answers if the classifier reads
# $F(x)/\lVert F(x) \rVert$ instead?
#
# ### Run
#
# Grey arrows are the rows $w_k$, orange arrows what the loss does to them. For each setting the rows are chosen such that all
# three images have exactly the $p$ of the slider: where features are long, very short rows do. (Below $p = 1/3$ the classifier
# prefers the wrong classes, and a row points away from its own image.)

# %% tags=["nbval-ignore-output"]
dial = kit.widgets.FactorDial()
dial

# %%
dial.norm.value, dial.p.value = 8.0, 0.2
plots.show(
    dial.figure(),
    alt="Three features far from the origin pull their rows with long arrows; on the unit circle "
    "the arrows are short; the length grows in a straight line with the norm, or not at all.",
)

# %% [markdown]
# ### Explain
#
# - $1 - p$ lies between 0 and 1. It can switch the gradient off. It cannot make it large.
# - $\lVert F \rVert$ has no bound, and the gradient grows with it in a straight line.
# - With normalised features the first factor *is* 1. Whatever happens in training, this gradient is bounded. That much of the cure
#   is mathematics, and certain. (Normalise the rows as well, as section 2 does, and a factor $1/\lVert w_k \rVert$ comes in, for
#   a short row turns fast. Rows alone would bound nothing.)
#
# But an explosion needs **both factors at once**: long features, *and* a classifier that stays wrong. Usually the second
# goes away as it learns. So the identity says what *can* happen. Whether it *does* is a question for
# experiments.

# %% [markdown]
# ## 2 · Make it explode
#
# To keep $p$ down, half of the labels are drawn at random: nobody can learn those. To let $\lVert F \rVert$
# go, the game of real and fake is one that nothing bounds: Wasserstein's loss without a penalty. There $D$ raises the score of
# real points and lowers that of fakes, $L_D = \mathbb E f_\text{fake} - \mathbb E f_\text{real}$, and nothing is ever enough. The rate is
# ten times the usual one. This is asking for trouble on purpose. As in AC-GAN's paper, the classifier learns from real
# *and* from generated points.
#
# Four probes look at the run. They change nothing in it.

# %%
confusing = kit.data.with_label_noise(points, 0.5)
LINEAR = {"game": kit.losses.wasserstein, "learning_rate": 0.02, "penalty": None}
BOUNDED = {"game": kit.losses.relativistic, "learning_rate": 2e-3, "penalty": kit.losses.R1R2(0.05)}


def train(data, conditioning, *, game, learning_rate, penalty, steps, spectral_norm=False):
    gan = kit.GAN.for_points(data, conditioning, game, spectral_norm=spectral_norm, seed=0)
    training = kit.Training(
        gan,
        data,
        steps=steps,
        recipe=kit.Recipe(learning_rate=learning_rate, penalty=penalty),
        probes=[ClassifierProbe(20), GradientShare(20), SampleProbe(20), LayerProbe(20)],
        log_every=20,
        checkpoints=2,
        seed=0,
        precision=FLOAT32,
    )
    for _ in training:
        pass
    return training.run


exploding = train(confusing, kit.losses.ACGAN(), **LINEAR, steps=600)

# %% [markdown]
# ### Predict
#
# Eight instruments are waiting. *Trunk* means all layers of $D$ that the classifier's head and the score of real and fake share.
#
# | instrument | asks | look twice when it |
# |---|---|---|
# | ‖F(x)‖ | how long are the features? | grows on and on |
# | p of the right class | how sure is the classifier? Also of its worst tenth | stalls |
# | ‖F‖(1 − p), ‖∂L/∂W‖ | the two factors together, and the gradient of all rows | grows on and on |
# | gradient in D's trunk | who moves D, the head or the score? | has one line far above the other |
# | gradient at G's images | who moves G? | the same |
# | variance within a class | how varied are the samples? Real ones: 1 | is near 0 |
# | share right | are samples in their class? Can D tell real from fake (0.5: no)? | is low; is 1 |
# | update / weight | how far does one step move a layer? | rises far above the common pace |
#
# Before you look: which of $\lVert F \rVert$, $p$ and $\lVert\partial L/\partial W\rVert$ will have grown, and by how much? Who
# will send the larger gradient into the trunk? And the last one: lesson 01 said that Adam takes the size out of a gradient. Does an
# exploding gradient make an exploding *step*?
#
# ### Look

# %% tags=["nbval-ignore-output"]
verdict = diagnose(exploding)
for finding in verdict.findings:
    print(f"{finding.illness}, since step {finding.since}")
plots.show(
    panels.instrument_panel(exploding, verdict),
    alt="Eight instruments of the exploding run: the features lengthen and p stays low, the gradient "
    "of the head shoots up early, and the score sends far more into the trunk than the head does.",
)

# %% [markdown]
# The verdict's findings have names (what each goes by, you will see in exercise 3); the dotted lines mark where they begin. Now the same
# run with the cure: normalised features and rows.

# %% tags=["nbval-ignore-output"]
normalised = train(confusing, kit.losses.ACGANNormalised(), **LINEAR, steps=600)
toys = {"AC-GAN": exploding, "normalised": normalised}
INSTRUMENTS = {
    "‖F‖ real": "classifier/feature_norm_real",
    "p": "classifier/p_real",
    "‖∂L/∂W‖": "classifier/head_gradient",
    "trunk, head": "share/trunk_head",
    "trunk, score": "share/trunk_score",
    "right class": "sample/oracle_accuracy",
}
lines = []
for name, key in INSTRUMENTS.items():
    read = [curve(run.history(), key) for run in toys.values()]
    ends = [number for each in read for number in (each.values[0], max(each.values), each.late)]
    lines.append((name, *map(short, ends)))
header = ("", "AC-GAN, step 20", "highest", "late", "normalised, step 20", "highest", "late")
print(metrics.table(header, lines))
for name, run in toys.items():
    print(f"{name}: samples, and a hollow mark where each class belongs")
    plots.show(
        plots.points(run, truth=points),
        alt=f"Samples of the run {name} in the plane, and the places of the eight classes on a ring: "
        "most classes are not at their own mark.",
    )

# %% [markdown]
# ### Explain
#
# (*Late* is the median over the last third.)
#
# - **It explodes.** $\lVert F \rVert$ grows, $p$ stays low, and within some hundred steps the gradient of the head is many times what
#   it was. (It need not stay there: in the run stored here it falls back to a quarter of its height, and the features stay long. The
#   verdict compares late with early, so it may not call that growing.) This is the event that the identity allows.
# - **The step does not explode with it.** Adam divides by the gradient's usual size: while the head's gradient grows forty-fold, $D$'s line in the
#   last instrument falls. (Both lines lie above the common pace from the start: the rate is ten times the usual one.) The size of a gradient
#   matters where it meets another: in the trunk, where head and score pull at the same weights.
# - **The cure does what it promises.** Normalised, the gradient of the head does not grow.
# - **And look at the rest.** In the normalised run $\lVert F \rVert$ grows *just as well*, though its head's gradient never exploded. And in
#   both runs most samples are in the wrong classes: in AC-GAN's they sit tidily in places, but nearly all in other
#   classes'.
#
# So what lengthens the features? In the trunk, the *score's* gradient is far larger than the head's. The suspect is the game.
#
# Your curves differ from those stored here if your processor rounds differently: a run that explodes is chaotic. With another seed it may
# not explode at all; on two kinds of processor it did in ten seeds of ten, and in nine.

# %% [markdown]
# ## 3 · Cause or companion?
#
# Curves that rise together do not say which one pushes. To know, **intervene**: hold one thing still, and see
# what happens to the rest. A script of this repository (`benchmarks/explosion/study.py`) has done it, with the same
# networks and steps, for several training seeds. Everything that its runs share:

# %%
stored = json.loads(Path("../benchmarks/explosion/points.json").read_text())["rows"]
BASE = {
    **{"method": "acgan", "options": {}, "intervention": "", "spectral_norm": False},
    **{"layout": "ring", "classes": 8, "deviation": None, "noise": 0.0},
    **{"game": "relativistic", "gamma": 0.05, "learning_rate": 0.002, "batch_size": 64},
    **{"width": 64, "depth": 2, "steps": 600},
}
WEAK = {"game": "wasserstein", "gamma": None, "learning_rate": 0.02, "noise": 0.5}  # section 2
EARLY, LATE, PEAK = 0, 1, 2


def of_seeds(rows, quantity, at=None):
    found = [row[quantity] for row in rows if quantity in row]
    return found if at is None else [each[at] for each in found]


def seeds(quantity, at=None):
    """A column: the lowest and the highest over the training seeds."""

    def read(rows):
        values = of_seeds(rows, quantity, at)
        ends = sorted({short(min(values)), short(max(values))}, key=float) if values else ["–"]
        return " to ".join(ends)

    return read


def one_by_one(quantity, at=None):
    """A column: each training seed for itself, 0 first."""
    return lambda rows: ", ".join(map(short, of_seeds(rows, quantity, at))) or "–"


def study(settings, columns, base=BASE, runs=stored):
    lines = []
    for name, changes in settings.items():
        rows = [row for row in runs if row["setting"] == base | changes][:5]  # some have ten
        if rows:
            lines.append((name, str(len(rows)), *(column(rows) for column in columns.values())))
    print(metrics.table(("", "seeds", *columns), lines))


# %% [markdown]
# *Early* is the median over the first fifth of a run, *late* over the last third. *Spread* is the standard deviation within a
# class over the true one. $W_1$ says how far the samples of a class lie from where they belong, in standard deviations
# (Wasserstein-1 distance of each coordinate to fresh points; 2,000 samples of the averaged generator). Values behind one another
# are training seeds, in the same order in every row.
#
# Which $W_1$ is good? Fresh points score 0.1 against fresh points. But half of the labels that these runs learn from are random. A
# generator that had learned *them* perfectly would do worse:

# %%
asked, given = confusing.labels[:4000], confusing.points[:4000]
fresh = points.draw(asked, seed=1)
apart = [
    (given[asked == k].sort(dim=0).values - fresh[asked == k].sort(dim=0).values).abs().mean()
    for k in range(points.num_classes)
]
wide = [given[asked == k].std(dim=0).mean() for k in range(points.num_classes)]
right = (points.posterior(given).argmax(dim=1) == asked).float().mean()
unit = len(apart) * points.standard_deviation
print("a perfect model of labels that are half random:")
print(f"right class {right:.2f}, spread {sum(wide) / unit:.1f}, W1 {sum(apart) / unit:.1f}")

# %% [markdown]
# So $W_1$ = 2.5 is no damage here, *if* the spread is wide. A class of one point in its right place has a spread of 0 and scores
# 0.8: it draws the majority of its label, and leaves out all the rest.
#
# The interventions, all on the run of section 2:
#
# - **clip**: what the class losses send back is shortened to what a normalised head has;
# - **fix length**: $\lVert F(x) \rVert$ is held at 5, for the score and for the head;
# - **no class loss**: from half time on, λ = 0;
# - **swap**: from half time on, the normalised loss.
#
# ### Predict
#
# If the classifier's gradient is the *cause* of the ruined samples, which of these four must mend them? Which one cannot, whoever is
# the cause?
#
# ### Look

# %%
INTERVENTIONS = ["", "clip", "fix length", "no class loss", "swap to normalised"]
COLUMNS = {
    "‖F‖ late": one_by_one("norm", LATE),
    "‖∂L/∂W‖ late": one_by_one("head_gradient", LATE),
    "right class": one_by_one("accuracy", LATE),
    "spread": one_by_one("spread"),
    "W1": one_by_one("w1"),
}
study({name or "nothing": WEAK | {"intervention": name} for name in INTERVENTIONS}, COLUMNS)

# %% [markdown]
# ### Explain
#
# - **clip** had to mend them: it works from the first step. The classifier's gradient is small, the features grow all the same, and
#   the samples are as wrong as before. **A bounded gradient of the head does not save them.** The normalised run of section 2
#   said so too.
# - **fix length** had to, as well: the features cannot grow, and the samples are wrong. Length is not what ruins them.
# - **swap** came at half time. Where the features had taken off by then, they stay long, and the samples stay lost. Perhaps it was too
#   late?
# - **no class loss** cannot mend the samples: then nobody asks for the class. Read its $\lVert F \rVert$ alone.
#
# Then take the class loss away earlier: after 50 steps, when nothing has grown yet, or never have one. *Long* means that $\lVert F \rVert$
# ends above 15.

# %%
lines = []
for name, changes in {
    "AC-GAN throughout": {},
    **{f"until step {n}": {"intervention": f"no class loss at {n}"} for n in (300, 200, 100, 50)},
    "no class loss at all": {"method": "none"},
}.items():
    rows = [row for row in stored if row["setting"] == BASE | WEAK | changes]
    long = sum(length > 15 for length in of_seeds(rows, "norm", LATE))
    lines.append((name, str(len(rows)), str(long), seeds("norm", LATE)(rows), seeds("w1")(rows)))
print(metrics.table(("class loss", "seeds", "long", "‖F‖ late", "W1"), lines))

# %% [markdown]
# **The features explode without a classifier as well.** It did not set them off.
#
# So in this run the exploding gradient is a **companion** of the ruined samples. The suspect is the game. A bound on
# the *game* should then stop the growth. The same run with one thing changed:

# %%
study(
    {
        "nothing": WEAK,
        "R1 and R2 penalty": WEAK | {"gamma": 0.05},
        "spectral norm on D": WEAK | {"spectral_norm": True},
        "no label noise": WEAK | {"noise": 0.0},
        "λ = 0.1": WEAK | {"options": {"weight": 0.1}},
    },
    COLUMNS,
)

# %% [markdown]
# R1 is lesson 01's penalty on $D$'s slope at real points, R2 the same at fakes. They are laid on the game alone, and the features stay
# short in every seed: **the game's slope was needed to lengthen them.** (Spectral norm divides each layer of $D$ by its largest
# factor. It shows less, for it holds $\lVert F \rVert$ down whoever pulls.)
#
# But the samples are not mended. Look at the spread: with either bound each class is little more than a dot, under spectral norm in its own place,
# under the penalty often in another class's. Labels that are half random do damage without any explosion.
#
# With true labels the features end long in all three seeds. In two of them $p$ rises, the gradient stays small and every sample is in its
# class: length alone ruins nothing. A smaller λ does not prevent the growth in every seed.
#
# One thing we have not touched: what the classifier learns *from*. Section 8 does.

# %% [markdown]
# ## 4 · Where nothing exploded
#
# The kit's usual game is bounded: relativistic, with the penalties R1 and R2. Does the classifier's gradient
# grow there, too, if we only push hard enough?
#
# ### Predict
#
# λ = 100? Thirty-two classes? Fifteen times the learning rate? Which of them will do it?
#
# ### Look

# %%
HINGE = {"game": "hinge", "gamma": None}
PUSHED = {
    "base": {},
    **{f"λ = {w:g}": {"options": {"weight": w}} for w in (0.1, 10.0, 100.0)},
    **{f"{k} classes": {"classes": k} for k in (2, 32)},
    **{f"hinge, rate {r:g}": HINGE | {"learning_rate": r} for r in (0.002, 0.01, 0.03)},
    "hinge, spectral norm": HINGE | {"spectral_norm": True},
}
study(
    PUSHED,
    {
        "‖F‖ early": seeds("norm", EARLY),
        "late": seeds("norm", LATE),
        "p late": seeds("p", LATE),
        "‖∂L/∂W‖ early": seeds("head_gradient", EARLY),
        " late": seeds("head_gradient", LATE),
        "peak": seeds("head_gradient", PEAK),
    },
)
runs = [row for row in stored if row["setting"] in [BASE | changes for changes in PUSHED.values()]]
grown = [row for row in runs if row["head_gradient"][LATE] > 3 * row["head_gradient"][EARLY]]
print(f"\nruns: {len(runs)}; with a gradient that ended at three times its early size: {len(grown)}")

# %% [markdown]
# ### Explain
#
# λ makes the gradient larger or smaller from the first looks on: that is not growth. Thirty-two classes come nearest: they are
# crowded, so $p$ stays low while the features lengthen, and the gradient doubles. Everywhere else $p$ ends at 0.69 or more and the
# gradient at most at 1.6 times what it was early. (*Hinge* is another game: $D$ is content once a score is 1 on its side.)
#
# What does that growth cost? The same thirty-two classes, other methods:

# %%
OTHERS = {
    "AC-GAN": "acgan",
    "normalised, both": "acgan-normalised",
    "D2D-CE (ReACGAN)": "reacgan",
    "ADC-GAN": "adcgan",
    "TAC-GAN": "tacgan",
}
study(
    {name: {"classes": 32, "method": method} for name, method in OTHERS.items()},
    {
        "‖F‖ late": seeds("norm", LATE),
        "‖∂L/∂W‖ late": seeds("head_gradient", LATE),
        "W1": seeds("w1"),
        "floor": seeds("w1_floor"),
    },
)

# %% [markdown]
# ADC-GAN and TAC-GAN have a gradient about as large as AC-GAN's and about a third of its error at most. The normalised methods have a small
# gradient, and an error as large or larger. **The gradient's size does not tell the good from the bad.**
#
# So at this scale, in a bounded game, **we found no explosion**, and what came nearest did not do the damage. The paper's runs are larger
# (200 and 1,000 classes, tens of thousands of steps). Section 7 goes a little way towards them.

# %% [markdown]
# ## 5 · The second disease
#
# Now a case where all norms are fine. Three normals, at −2, 0 and 2, each with standard deviation 1: their
# classes *overlap*. The game is the bounded one.
#
# ### Predict
#
# You have met these points in lesson 02: AC-GAN pays the generator for what the classifier finds easy, and the middle class is squeezed.
# Which of the eight instruments will show it?
#
# ### Run

# %%
overlapping = kit.data.load("gaussians", layout="line")
shrunken = train(overlapping, kit.losses.ACGAN(), **BOUNDED, steps=1500)
faithful = train(overlapping, kit.losses.Projection(), **BOUNDED, steps=1500)


def samples_of(run, per_class=1000):
    labels = torch.arange(run.num_classes).repeat_interleave(per_class)
    latents = kit.models.draw_latents(len(labels), run.latent_dim, torch.Generator().manual_seed(0))
    return run.sample(latents, labels), labels


def densities(axes, run, title):
    made, labels = samples_of(run)
    grid = torch.linspace(-6, 6, 200)
    for k, centre in enumerate((-2.0, 0.0, 2.0)):
        truth = torch.exp(-((grid - centre) ** 2) / 2) / (2 * torch.pi) ** 0.5
        axes.plot(grid, truth, color=plots.COLOURS["real"], label="truth" if k == 0 else None)
        hatch = ("//", "..", "\\\\")[k]
        style = {"color": plots.COLOURS["fake"], "alpha": 0.45, "hatch": hatch}
        axes.hist(made[labels == k, 0], bins=60, range=(-6, 6), density=True, **style)
    axes.set(title=title, xlabel="first axis", yticks=[])


figure, axes = plt.subplots(1, 2, figsize=(9, 2.6), layout="constrained", sharey=True)
densities(axes[0], shrunken, "AC-GAN")
densities(axes[1], faithful, "projection")
axes[0].legend(frameon=False)
plots.show(
    figure,
    alt="Histograms of three generated classes over the true normal curves. AC-GAN: narrower, with "
    "gaps between the classes and points piled up beside the gaps; projection: they follow the "
    "curves and overlap.",
)

# %% [markdown]
# Read the instruments. What do they say?

# %% tags=["nbval-ignore-output"]
likeliest = overlapping.posterior(overlapping.points).argmax(dim=1)
truth = (likeliest == overlapping.labels).float().mean()
print(f"share of REAL points that a perfect classifier gets right: {truth:.2f}")
verdicts = {}
for name, run in {"AC-GAN": shrunken, "projection": faithful}.items():
    verdicts[name] = ", ".join(diagnose(run).illnesses) or "healthy"
    right = curve(run.history(), "sample/oracle_accuracy").late
    gradient = curve(run.history(), "classifier/head_gradient")
    sizes = f"early {gradient.early:.2f}, late {gradient.late:.2f}"
    variance = curve(run.history(), "sample/pixel_variance").late
    print(f"{name:<10} right {right:.2f}; variance {variance:.2f}; ‖∂L/∂W‖ {sizes}")
    print(f"{'':<10} verdict: {verdicts[name]}")

# %% [markdown]
# AC-GAN's points are *more often* right than real ones. Real classes overlap, so a perfect classifier errs on them; AC-GAN
# has removed what is hard. Nothing explodes. Two curves give it away, and only because something stands beside them: what real
# points score, and the variance of real points, 1.
#
# Which methods shrink? The study again, with more of lesson 04's and of the literature. A spread of 1 is right. (ContraGAN and D2D-CE
# compare images with each other; lesson 04 writes D2D-CE.)

# %%
METHODS = {
    "AC-GAN": "acgan",
    "normalised features": "acgan-normalised-features",
    "normalised, both": "acgan-normalised",
    "D2D-CE (ReACGAN)": "reacgan",
    "ContraGAN": "contragan",
    "projection": "projection",
    "ADC-GAN": "adcgan",
    "TAC-GAN": "tacgan",
    "no class loss": "none",
}
OVERLAP = {"layout": "line", "classes": 3, "steps": 1500}
QUALITY = {
    "spread": seeds("spread"),
    "right class": seeds("accuracy", LATE),
    "W1": seeds("w1"),
    "floor": seeds("w1_floor"),
}
study({name: OVERLAP | {"method": method} for name, method in METHODS.items()}, QUALITY)

# %% [markdown]
# ### Explain
#
# - AC-GAN, its normalised relatives, ContraGAN **and D2D-CE** shrink the classes. Normalising bounds a gradient. It does not
#   tell the classifier what the generator's points are like.
# - Projection, ADC-GAN and TAC-GAN stay near the truth. In all three $D$ learns how a class's generated points *differ* from its real
#   ones, or (TAC-GAN) how sure one can be of a generated point's class: these methods know the generator. AC-GAN's classifier sees
#   generated points as well, but as if they were real.
# - "No class loss" does not shrink either. Labels reach it only through the relativistic game, which compares each generated
#   point with a real one *of its class*. Is that label enough? Look at *right class* over the seeds.
#
# This is bias, not instability: AC-GAN asks for a low conditional entropy $H(C \mid X)$, and gets it (Gong et al., 2019).

# %% [markdown]
# ## 6 · Your intervention
#
# Two diseases: **one**, the gradient that grows (section 2); **two**, the classes that shrink (section 5). Choose an
# intervention. *Write down first* whether it will mend disease one, disease two, both or neither. Then run the cell, and choose
# another.

# %% tags=["nbval-ignore-output"]
intervention = "smaller weight"  # your choice


def chosen():
    return {  # made anew for each run: a head belongs to one GAN
        "normalised": {"conditioning": kit.losses.ACGANNormalised()},
        "real only": {"conditioning": kit.losses.ACGAN(real_only=True)},
        "D2D-CE": {"conditioning": kit.losses.ReACGAN()},
        "smaller weight": {"conditioning": kit.losses.ACGAN(weight=0.1)},
        "spectral norm": {"conditioning": kit.losses.ACGAN(), "spectral_norm": True},
        "penalty": {"conditioning": kit.losses.ACGAN(), "penalty": kit.losses.R1R2(0.05)},
        "TAC-GAN": {"conditioning": kit.losses.TACGAN()},
    }[intervention]


first = train(confusing, **LINEAR | chosen(), steps=600)
second = train(overlapping, **BOUNDED | chosen(), steps=1500)
lines = []
for name, one, two in (("AC-GAN", exploding, shrunken), (intervention, first, second)):
    gradient = curve(one.history(), "classifier/head_gradient")
    made, classes = samples_of(two)
    spread = [float(made[classes == k].std(dim=0).mean()) for k in range(3)]
    right = curve(one.history(), "sample/oracle_accuracy").late
    lines.append((name, gradient.values[0], gradient.late, right, sum(spread) / 3))
header = ("", "one: ‖∂L/∂W‖, step 20", "late", "right class", "two: spread (truth 1)")
print(metrics.table(header, lines))

# %% [markdown]
# One seed. Sections 3, 5 and 8 have more; compare before you believe.

# %% [markdown]
# ## 7 · Recorded runs
#
# The same on images: digits of 16 px, 500 steps, recorded by `tools/record_runs.py`. The slider moves the cursor through the
# instruments *and* the samples together.
#
# | run | what it is |
# |---|---|
# | linear-acgan | AC-GAN with the unbounded game, half of the labels random |
# | linear-acgan-normalised | the same with normalised features and rows |
# | acgan-10 | the kit's bounded game, true labels, λ = 10 |
# | acgan, reacgan, projection | the bounded game, λ = 1 where there is one |
#
# ### Predict
#
# Which run will have the worse images: the one whose gradient explodes, or the one with λ = 10, whose gradient does not grow?
#
# ### Run
#
# Start with *linear-acgan*, and find the step at which the gradient takes off. Do the images get worse there?

# %% tags=["nbval-ignore-output"]
RECORDED = Path("../data/runs/explosion")
NAMES = ("linear-acgan", "linear-acgan-normalised", "acgan", "projection", "acgan-10", "reacgan")
recorded = {name: kit.Run(RECORDED / f"{name}-0") for name in NAMES}
kit.widgets.TrainingPanel(recorded)

# %% [markdown]
# The same, still, for places where widgets do not run: the last checkpoints of two runs, then the curves of all, then their numbers.
#
# Three instruments read differently under other heads. In $\lVert F \rVert(1 - p)$ the length is of what the head reads: with normalised
# features it is 1. D2D-CE's $p$ sets the vector of the own class against some 115 images of other classes, each of which counts even when
# its loss is silent: about 0.01 is the most it can be. And $\lVert\partial L/\partial W\rVert$ is of $D$'s whole class loss, all its terms times λ,
# and of all weights that the head has; projection has no class loss, so there it is the score's. Compare a method with itself over time.

# %%
for name, seen in {
    "linear-acgan": "varied digits, some of them smeared, many in another digit's column",
    "acgan-10": "each column holds its digit, and in most columns the three are nearly alike",
}.items():
    print(name)
    plots.show(plots.class_grid(recorded[name], rows=3), alt=f"Three rows of ten digits: {seen}.")

# %% tags=["nbval-ignore-output"]
plots.show(
    panels.overlaid_panel(recorded),
    alt="The instruments of six recorded runs over one another: only in the two runs with the "
    "unbounded game do the features grow tenfold, and only in the plain AC-GAN one the gradient.",
)

# %%
MEASURED = ("class accuracy (classifier)", "precision", "coverage", "within-class pixel variance")
lines = []
for name in NAMES:
    folders = sorted(RECORDED.glob(f"{name}-[0-9]"))
    heads = [curve(kit.Run(each).history(), "classifier/head_gradient").late for each in folders]
    found = [json.loads((each / "metrics.json").read_text()) for each in folders]
    cells = [heads, *([report[metric] for report in found] for metric in MEASURED)]
    spans = [sorted({short(min(each)), short(max(each))}, key=float) for each in cells]
    lines.append((name, str(len(folders)), *(" to ".join(each) for each in spans)))
header = ("", "seeds", "‖∂L/∂W‖ late", "accuracy", "precision", "coverage", "variance")
print(metrics.table(header, lines))

# %% [markdown]
# ### Explain
#
# Measured beside held-out digits, with as many samples of the averaged generator.
#
# - **linear-acgan** explodes as in the textbook, from about step 200 on, and the digits go on getting clearer. Its samples are the most varied of
#   the three damaged runs. They are in the wrong columns: the score drowns the head, and the classifier, which learns from fakes
#   too, has learned the generator's mistakes (lesson 02).
# - **linear-acgan-normalised** has a gradient that does not grow. Its features are longer still, and its samples cover *less*. (In one of its three seeds a loss goes beyond a million: its verdict is *diverged*.)
# - **acgan-10**: nothing grows, the classes are right, and there is little variety. Look down a column. Here the class loss
#   does harm without any explosion. In clearness and coverage three seeds cannot tell it from linear-acgan.
# - **acgan**, **reacgan** and **projection**: at λ = 1 the bounded game is well, whatever the method.

# %% [markdown]
# ### Fifty classes, and time
#
# Ten digits and 500 steps are little. Now fifty glyphs of 16 px in the same bounded game, with λ = 1, for 3,000 steps.
#
# **Predict.** Early on AC-GAN's gradient is several times that on ten glyphs. Which way will it go? And who will draw varied images in the
# end?
#
# **Run.** Watch *‖∂L/∂W‖ of the head* and *variance within a class* together, one method after the other. The grid has the first ten classes.

# %% tags=["nbval-ignore-output"]
fifty = {name: kit.Run(f"../data/runs/glyphs/{name}-0") for name in ("acgan", "reacgan", "projection")}
kit.widgets.TrainingPanel(fifty)

# %% [markdown]
# The last checkpoints, still, with one z for all three; then three training seeds of these methods and of others. (*Real only*: the fakes
# are left out of $D$'s class loss, the second dial of lesson 02.)

# %%
plots.show(
    plots.class_grids(fifty, rows=4, classes=range(8)),
    alt="Class grids of AC-GAN, ReACGAN and projection after 3,000 steps on fifty glyphs, eight classes "
    "across and four noise vectors down: in the first two all images of a column are alike; "
    "projection's differ in size, slant and brightness.",
)

# %%
ON_IMAGES = json.loads(Path("../benchmarks/explosion/images.json").read_text())["rows"]
FIFTY = {
    **{"data": "glyphs", "data_options": {"classes": 50}, "method": "acgan", "options": {}},
    **{"game": "relativistic", "gamma": 0.05, "learning_rate": 0.002, "batch_size": 64},
    **{"spectral_norm": False, "pooling": "flat", "width": 32, "steps": 3000, "size": 16},
}
REAL_ONLY = {"options": {"real_only": True}}
WATCHED = {
    "AC-GAN": {},
    "AC-GAN, real only": REAL_ONLY,
    **{name: {"method": method} for name, method in OTHERS.items() if method != "acgan"},
    "projection": {"method": "projection"},
    "no class loss": {"method": "none"},
}
study(
    {
        f"{name}, {steps:,} steps": changes | {"steps": steps}
        for name, changes in WATCHED.items()
        for steps in (600, 3000)
    },
    {
        "‖∂L/∂W‖ early": seeds("head_gradient", EARLY),
        "late": seeds("head_gradient", LATE),
        "right class": seeds("class accuracy (oracle)"),
        "recognisable": seeds("recognisable share"),
        "recall": one_by_one("recall"),
        "variance": one_by_one("within-class pixel variance"),
    },
    base=FIFTY,
    runs=ON_IMAGES,
)

# %% [markdown]
# ### Explain
#
# - **acgan**: nothing explodes. $p$ goes to 1 and the gradient falls. The variance within a class goes to nothing, in every seed: one image a
#   class, and many of them of the wrong one. *Real only*, every class is right and the gradient hardly there, and it is one image a class
#   all the same. So the wrong classes come from the fakes that the classifier must call right, and the lost variety does not.
# - **reacgan** draws the right class, and more clearly. In two seeds of three that is one image a class, too; in the third it finds a part of the
#   variety. Normalised AC-GAN does so in one seed of three as well.
# - **projection** is almost as varied as real images. ADC-GAN comes next, and its gradient is the *largest* of all.
# - **No class loss**: one image for each label, of any glyph or none. So here AC-GAN's class loss does not take the variety away. It does not
#   ask for any. Projection and ADC-GAN compare generated with real images *class by class*; that this is why they stay varied is our
#   reading, and not tested.
#
# This collapse is complete, and no gradient announces it. Watch the samples.

# %% [markdown]
# ## 8 · The cures, one at a time
#
# First on disease one: the run of section 2 with one cure each.
#
# D2D-CE differs from AC-GAN in *two* things. Its form is another, and $D$'s class loss has no fakes in it. One change at a time: AC-GAN
# without the fakes (*real only*), and D2D-CE with them (*fakes too*).
#
# **Predict.** Which of the two keeps the features short, the form or the missing fakes?

# %%
CURES = {
    "AC-GAN, no cure": {},
    "normalised features": {"method": "acgan-normalised-features"},
    "normalised, both, τ 0.1": {"method": "acgan-normalised"},
    "normalised, both, τ 0.5": {"method": "acgan-normalised", "options": {"temperature": 0.5}},
    "D2D-CE (ReACGAN)": {"method": "reacgan"},
    "D2D-CE, reference code": {"method": "reacgan-reference"},
    "AC-GAN, real only": REAL_ONLY,
    "normalised, both, real only": {"method": "acgan-normalised"} | REAL_ONLY,
    "D2D-CE, fakes too": {"method": "reacgan", "intervention": "fakes too"},
    "spectral norm": {"spectral_norm": True},
    "R1 and R2 penalty": {"gamma": 0.05},
    "λ = 0.1": {"options": {"weight": 0.1}},
    "projection": {"method": "projection"},
    "ADC-GAN": {"method": "adcgan"},
    "TAC-GAN": {"method": "tacgan"},
}
study({name: WEAK | changes for name, changes in CURES.items()}, COLUMNS)

# %% [markdown]
# Then the price, or the gain, in an easy case: the bounded game with true labels, on eight classes that hardly overlap.

# %%
study({name: {"method": method} for name, method in METHODS.items() if method != "none"}, QUALITY)

# %% [markdown]
# ### Explain
#
# Disease one, column by column:
#
# - **The gradient** is kept small by every kind of normalising, by D2D-CE, by what bounds the game, and by leaving out the fakes.
# - **The features** stay short where the game is bounded, **and where $D$'s classifier never sees fakes**: AC-GAN real only, normalised or
#   not, and D2D-CE in four seeds of five. Give D2D-CE the fakes as well, and its features grow in five seeds of five. So here it
#   is not the form of the loss that helps. Why the fakes harm? In this game most of them are in wrong places, and a classifier
#   that must call them right can be right about neither them nor the real ones: that is our reading. Do not take it far. In
#   eight dimensions AC-GAN real only explodes in three seeds of five; on fifty glyphs in this game it does, too, if less
#   (`docs/explosion.md`).
# - **The samples.** Where the features stayed short and the class right, in every seed but one (τ 0.5) every class is a dot (*spread*) in its
#   own place: the majority of its label, and nothing else. Nobody draws what these labels say.
# - What mends disease two (projection, ADC-GAN, TAC-GAN) does not mend disease one.
#
# And the second table. ContraGAN at λ = 1 puts classes into each other's places on these points, and in some seeds D2D-CE and the normalised
# heads do (*right class*; lesson 04 looks closer). On digits, D2D-CE did not. Look at *spread*, too: the class losses narrow the classes to about a third or a
# fifth, ContraGAN to a sixth; projection, ADC-GAN and TAC-GAN to two thirds; yet next to nothing overlaps here. So narrowness is not only a matter of overlap. (A λ means something else for each loss.)
#
# | | bounds the head's gradient | bounds the game | knows the generator |
# |---|---|---|---|
# | normalised features (rows too or not), D2D-CE | yes | no | no |
# | spectral norm | yes, through ‖F‖ | yes | no |
# | R1 and R2 | in every run here, through ‖F‖ | yes | no |
# | no fakes in D's class loss | no; in the plane it kept ‖F‖ short | no | no |
# | smaller λ | no, scales it | no | no |
# | projection, ADC-GAN, TAC-GAN | no | no | yes |
#
# So "which cure?" begins with "which disease?".

# %% [markdown]
# ## Exercises
#
# ### 1 · Write the row's gradient (easy, 5 minutes)
#
# From features (n, F), logits (n, K), labels (n,) and a class k: $\partial L / \partial w_k$, shape (F,), without autograd.

# %%
def row_gradient(features, logits, labels, k):
    return ...  # your answer


_ = exercise.check_row_gradient(row_gradient)

# %% [markdown]
# <details><summary>Hint</summary>
#
# One number for each image, $1[y_i = k] - p_{i,k}$; then a weighted sum of the features.
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# def row_gradient(features, logits, labels, k):
#     wrong = (labels == k).to(logits) - logits.softmax(dim=1)[:, k]
#     return -(wrong @ features) / len(features)
# ```
#
# Images of *other* classes count too: they push the row away, each by its $p_{i,k}$.
#
# </details>

# %% [markdown]
# ### 2 · Write the instrument (medium, 10 minutes)
#
# The panel's third instrument is the mean of $\lVert F(x_i) \rVert (1 - p_{i,y_i})$. Write it class by class: shape (K,). (Each class
# has at least one image.)

# %%
def product(features, logits, labels):
    return ...  # your answer


_ = exercise.check_product(product)

# %% [markdown]
# <details><summary>Hint</summary>
#
# First one number for each image. `p[torch.arange(n), labels]` picks the right class's p from each row.
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# def product(features, logits, labels):
#     p = logits.softmax(dim=1)[torch.arange(len(labels)), labels]
#     each = features.norm(dim=1) * (1 - p)
#     return torch.stack([each[labels == k].mean() for k in range(logits.shape[1])])
# ```
#
# The product of the means is another number: long features and wrong answers may belong to different images.
#
# </details>

# %% [markdown]
# ### 3 · Diagnose these three runs (medium, 15 minutes)
#
# Three of the recorded runs with another seed, without their names. All three are AC-GANs. Write a diagnosis for each: what is ill, since when,
# which instrument shows it. Then give its name, one of:

# %%
print(", ".join(exercise.DIAGNOSES))

# %% tags=["nbval-ignore-output"]
unnamed = exercise.three_runs(RECORDED)
for name, history in unnamed.items():
    print("run", name)
    plots.show(
        panels.instrument_panel(history),
        alt=f"The eight instruments of the unnamed run {name}; describing them is the exercise.",
    )

# %%
answers = {"A": ..., "B": ..., "C": ...}  # your answers

_ = exercise.check_diagnoses(answers, unnamed)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Go in this order. Does something *grow* without end? Which curve lies far above its neighbour in "gradient in D's trunk"? Is the
# share of the right class high? Is the variance within a class near that of real images?
#
# </details>
#
# <details><summary>Answer</summary>
#
# The kit's verdict, with the step and the numbers that it goes by:
#
# ```python
# for name, history in unnamed.items():
#     print(name, diagnose(history), sep="\n", end="\n\n")
# ```
#
# A is λ = 1 in the bounded game; B the unbounded game with half of the labels random; C λ = 10 in the bounded game.
# The verdict knows round bounds, and you know the picture. Where you disagree, look at how near the bound the number lies.
#
# </details>

# %% [markdown]
# ## What did not show
#
# - **No explosion in a bounded game**, at any λ, rate or number of classes that we tried (section 4).
# - **Where it exploded, it was not what ruined the samples.** Features grow as long without a classifier; bounding AC-GAN's head
#   mended the head, not the samples (sections 3 and 8). In the plane spectral norm, or leaving the fakes out
#   of $D$'s class loss, put each class in its place, as a dot; the penalty did so only in part.
# - **Nor on images with many classes.** With 50, 100 and 200 glyphs of 16 px AC-GAN's gradient is larger than with ten, and falls during
#   training. All three class losses that we tried, AC-GAN's, its normalised relative's and D2D-CE, then draw hardly more than one image a
#   class. In the same game, with R1 and R2, projection does not. A stronger penalty gives the three a small part of the variety back; at 32 px
#   projection, too, needs one (`docs/explosion.md`). That collapse is real, and the size of the gradient does not explain it.
# - **Nor with time.** In 3,000 steps (section 7) the collapse becomes complete while the gradient falls. In 10,000 steps of the papers' game,
#   hinge with spectral norm, as well; but there projection, ReACGAN and a GAN without a class loss end with one image a class, too.
# - **Normalising did not mend the shrinking**, and neither did D2D-CE (section 5).
# - **What mends it on points is not sure to on images.** Of shapes that overlap, TAC-GAN alone draws the overlap (.29 of the samples that could
#   be; truth .26), projection a part (.06), ADC-GAN none.
#
# None of this contradicts the identity of section 1. It says how much of the trouble that identity explains here.

# %% [markdown]
# ## What we saw
#
# - The gradient of a classifier's row is $\lVert F \rVert \cdot (1 - p)$ at heart: one factor without a bound, one with.
# - An explosion needs both: features that grow *and* a classifier that stays wrong.
# - Two curves that rise together are a question. An intervention is an answer.
# - AC-GAN's second disease, classes that are easy but too narrow, shows in the samples' variance and in no norm.
# - Normalising bounds the first one's gradient and not the features; knowledge of the generator treats the second, on points; both need a
#   bounded game.
# - Two methods that differ in two things are not a comparison. AC-GAN and D2D-CE differ in their form and in who the classifier sees.

# %% [markdown]
# ## Questions
#
# <details><summary>Your run's ‖F‖ has grown tenfold. Are you worried?</summary>
#
# Look at $p$. If it has gone to 1, the product may have shrunk. If it stalls, yes. And ask who lengthens the features: compare the two
# curves in the trunk.
#
# </details>
#
# <details><summary>Normalised features, fixed rows: can the classifier still be sure?</summary>
#
# Only as far as its rows are long, or its temperature τ low. With rows of length 1 and $K$ classes, $p$ is at most
# $1/(1 + (K - 1)e^{-2/\tau})$. That is a price of the bound.
#
# </details>
#
# <details><summary>AC-GAN's samples are classified better than real ones. Good news?</summary>
#
# Where classes overlap, it is the symptom. A perfect generator is misread as often as real points are.
#
# </details>
#
# <details><summary>A paper shows a curve that explodes and samples that collapse at the same step. What would convince you that
# one causes the other?</summary>
#
# An intervention: bound only that gradient, from a checkpoint shortly before, and leave everything else. If the samples still collapse, it
# was a companion.
#
# </details>

# %% [markdown]
# ## References
#
# - Kang, Shim, Cho, Park: *Rebooting ACGAN: Auxiliary Classifier GANs with Stable Training*, NeurIPS 2021,
#   arXiv:2111.01118. Section 3: the gradient, normalisation, D2D-CE.
# - Odena, Olah, Shlens: *Conditional Image Synthesis with Auxiliary Classifier GANs*, ICML 2017, arXiv:1610.09585.
# - Gong, Xu, Li, Zhang, Batmanghelich: *Twin Auxiliary Classifiers GAN*, NeurIPS 2019, arXiv:1907.02690: AC-GAN's bias
#   where classes overlap.
# - Hou et al.: *Conditional GANs with Auxiliary Discriminative Classifier*, ICML 2022, arXiv:2107.10060: ADC-GAN.
# - Miyato, Koyama: *cGANs with Projection Discriminator*, ICLR 2018, arXiv:1802.05637.
# - Huang et al.: *The GAN Is Dead; Long Live the GAN! A Modern GAN Baseline*, NeurIPS 2024, arXiv:2501.05441: the bounded
#   game.
