# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · AC-GAN: one judge, two questions
#
# *You give a GAN class labels, watch it learn to obey them, and measure what obedience costs.*

# %% [markdown]
# ## What you will learn
#
# - what AC-GAN's two losses, $L_S$ and $L_C$, ask of the two players, and two ways to count the second;
# - how to read a **class grid**: the same noise, another class, and nothing else changed;
# - how to measure a conditional GAN: right class? clear? varied? copied?
# - what lies between two $z$, and between two classes;
# - what the weight λ buys and costs, where AC-GAN is wrong by construction, and what several small models
#   gain over a large one.

# %% [markdown]
# ## Before you start
#
# You know that a GAN has a generator $G$, which turns noise $z$ into an image, and a
# discriminator $D$, which tells real images from fake ones. You have met cross entropy once.
#
# **Time:** about a minute to run on a laptop with two cores and no GPU; an hour and a half to read,
# think and answer. Nothing is downloaded.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import logsigmoid

import cgan_kit as kit
from cgan_kit import metrics, plots
from cgan_kit.paths import between_classes, slerp
from cgan_kit.training.run import sample

# One thread and plain float32, so that the lesson repeats itself on your machine.
torch.set_num_threads(1)
FLOAT32 = kit.Precision()

# %% [markdown]
# ## 1 · Real images with labels
#
# We begin with real handwriting: 1,797 digits of 8 × 8 pixels, enlarged to 16 × 16. One fifth is *held
# out*. No network learns from those images; we keep them to measure with.

# %%
digits = kit.data.load("digits", size=16)
train, held_out = digits.split(held_out=0.2, seed=0)
print("all:     ", digits)
print("train:   ", train)
print("held out:", held_out)
plots.show(
    plots.real_grid(train, rows=5),
    alt="Five handwritten examples of each digit from 0 to 9, one column a digit.",
)

# %% [markdown]
# ## 2 · The two losses
#
# A plain discriminator answers one question about an image $X$: *real or fake?* Call the answer $S$,
# the source. AC-GAN (Odena, Olah and Shlens, 2017) adds a second question: *which class?* Call it $C$. Both
# answers come from one network: it turns the image into a feature vector $F(X)$, and two small
# linear heads read that vector. The second head is the **auxiliary classifier** that gives the method its name.
#
# Each question has a log-likelihood:
#
# $$L_S = \mathbb{E}[\log P(S=\text{real}\mid X_\text{real})] + \mathbb{E}[\log P(S=\text{fake}\mid X_\text{fake})]$$
#
# $$L_C = \mathbb{E}[\log P(C=c\mid X_\text{real})] + \mathbb{E}[\log P(C=c\mid X_\text{fake})]$$
#
# where $c$ is the true label of a real image, and the label that $G$ was *asked* for when the image is fake.
#
# $D$ maximises $L_S + L_C$. $G$ maximises $L_C - L_S$. Look at the signs: about the source the two
# players fight, **about the class they cooperate.** Keep this in mind. It is the whole lesson.
#
# ### Run: one $\log P(C = c \mid X)$
#
# $P(C=k\mid X)$ is a softmax over the classifier's numbers (its *logits*). In code a loss is
# minimised, so $-L_C$ appears, which is a cross entropy. Four images, three classes:

# %%
logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.5, 0.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 3.0]])
labels = torch.tensor([0, 1, 2, 0])

probabilities = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
mean = 0.0
for i in range(4):
    p = probabilities[i, labels[i]]
    print(f"image {i}: p of the right class {p:.3f}, -log p {-p.log():.3f}")
    mean += -p.log() / 4
print(f"the mean, -L_C of these four: {mean:.4f}")

# %% [markdown]
# The last image dominates: the classifier is sure, and wrong. A cross entropy has no upper bound.
# Lesson 03 follows that thought.
#
# ### Run: the whole of AC-GAN
#
# Below are both players' losses, as the paper has them, with two dials that the paper does not have. **λ** is a weight on
# $L_C$. **`real_only`** leaves the fakes out of $D$'s part of $L_C$, as much public code does. Think about
# the difference before you read on: what does a classifier learn from a *fake* that does not look like its label?


# %%
def acgan_by_hand(S_real, S_fake, C_real, C_fake, labels, weight=1.0, real_only=False):
    """Scores (n,) and class logits (n, K) of real and fake images -> D's loss, G's loss."""
    picked = torch.arange(len(labels)), labels
    L_S_real, L_S_fake = logsigmoid(S_real).mean(), logsigmoid(-S_fake).mean()
    L_C_real = C_real.log_softmax(dim=1)[picked].mean()
    L_C_fake = C_fake.log_softmax(dim=1)[picked].mean()
    d_wants = L_S_real + L_S_fake + weight * (L_C_real if real_only else L_C_real + L_C_fake)
    g_wants = weight * L_C_fake - L_S_fake
    return -d_wants, -g_wants


for real_only in (False, True):
    conditioning = kit.losses.ACGAN(weight=0.5, real_only=real_only)
    gan = kit.GAN.for_images(train, conditioning, kit.losses.minimax, seed=0)
    x, y = train.real(torch.arange(64)), train.labels[:64]
    z = torch.randn(64, gan.latent_dim, generator=torch.Generator().manual_seed(0))
    real, fake = gan.judge_both(x, gan.generator(z, y), y)
    classes = [gan.conditioning.logits(each.features) for each in (real, fake)]
    ours = acgan_by_hand(real.scores, fake.scores, *classes, y, 0.5, real_only)
    kits = (
        gan.adversarial.discriminator(real.scores, fake.scores)
        + gan.conditioning.discriminator_loss(real, fake),
        gan.adversarial.generator(real.scores, fake.scores) + gan.conditioning.generator_loss(fake),
    )
    for player, one, other in zip("DG", ours, kits, strict=True):
        print(f"real_only={real_only!s:5}  loss of {player}: {one:.4f}, the kit's {other:.4f}")

# %% [markdown]
# The classifier of the paper's variant is told that a bad "7" *is* a 7; it learns to call $G$'s mistakes right. With
# `real_only` it never sees a fake. Section 8 says which of the two is better, if we can tell.
#
# From here on the kit's recipe trains. In place of $L_S$ it plays the *relativistic* game of lesson 01, in which $D$ compares a real and a
# fake image of one class with each other; a penalty holds $D$'s slope down; and pictures come from a moving average of $G$'s weights, the
# *averaged generator*. Small GANs train more steadily so. $L_C$ is the same.

# %% [markdown]
# ## 3 · Watch it learn
#
# ### Predict
#
# **What will appear first, the right class or a clear image?** And: on which images will $D$'s classifier be
# right sooner, on real ones or on fakes?
#
# ### Run
#
# λ = 1, as in the paper. The widget shows both losses, the classifier's accuracy, and samples of fixed $z$. You may press
# **Stop** at any time: what is there is saved, and the rest of the lesson works with it.

# %% tags=["nbval-ignore-output"]
gan = kit.GAN.for_images(train, conditioning=kit.losses.ACGAN(weight=1.0), seed=0)
training = kit.Training(gan, train, steps=400, seed=0, precision=FLOAT32)
live = kit.widgets.LiveTraining(training)
run = await live.fit()

# %% [markdown]
# ### Look: the class grid
#
# This is the picture that the course comes back to. **Each row is one $z$. Each column is one
# class.** Along a row only the class changes. The sliders move through the run's checkpoints and
# through the truncation of $z$ (how far from the centre of its distribution $z$ may lie).
#
# Move the checkpoint slider from the left end to the right. When do you first recognise a digit?

# %% tags=["nbval-ignore-output"]
kit.widgets.ClassGrid(run)

# %% [markdown]
# The same, still, for places where widgets do not run: an early checkpoint and the last one.

# %%
early = run.steps[len(run.steps) // 4]
print(f"step {early}, and the last")
plots.show(
    plots.class_grid(run, step=early, rows=3),
    alt="Class grid of an early checkpoint: three noise vectors down, ten digits across, rough; some can be read, some are blots.",
)
plots.show(
    plots.class_grid(run, rows=8),
    alt="Class grid of the last checkpoint: eight noise vectors down, the digits 0 to 9 across.",
)
plots.show(
    plots.curves(run),
    alt="Losses of both players, and the classifier's accuracy on real and on fake images, by step.",
)

# %% [markdown]
# The accuracy in these curves is the opinion of $D$'s own classifier. Another one, which has learned the real training images and nothing
# else, reads the averaged generator's images at four checkpoints:

# %% tags=["nbval-ignore-output"]
judge = metrics.train_classifier(train, held_out)
labels = torch.arange(1000) % 10
for twelfth in (3, 4, 6, 11):
    step = run.steps[len(run.steps) * twelfth // 12]
    read = judge.predict(metrics.draw_samples(run, labels, seed=0, step=step))
    print(f"step {step:>3}: as asked {(read == labels).float().mean():.2f}")

# %% [markdown]
# ### Explain
#
# - The class comes first. The two players agree about it, so nothing stands in the way: the accuracy curves
#   climb to the top long before the digits look written by hand.
# - The fakes are classified at least as well as the real images, and as early. That should make you suspicious.
#   $G$ is *paid* for images that $D$'s classifier finds easy. And $D$'s classifier has been told that these rough first images *are* right
#   (section 2). The judge, who has not, reads fewer of them as asked.
# - Now go down a column of the class grid instead of along a row. How different are the eight images of one digit?

# %% [markdown]
# ## 4 · Measure it
#
# The classifier inside $D$ cannot be the judge: it has helped to make the images. So the kit asks the other one,
# trained on the training part of the real images, three questions.
#
# - **Right class?** *Accuracy*: the share of generated images that this judge puts into the class
#   that was asked for.
# - **Clear image?** *Precision*: the share of generated images that lie close to some real image.
# - **Varied?** *Recall* and *coverage*: the share of real images that lie close to a generated one, or have one close by.
#   And the *variance* of pixels within a class, divided by that of real images.
#
# "Close" is measured between feature vectors, by the distance to the fifth nearest neighbour.
# A number alone says little. So beside each stands the value of **as many real images**, measured
# in the same way. It is what honest samples would score; often that is *not* 1.

# %% tags=["nbval-ignore-output"]
questions = (
    "class accuracy (classifier)",
    "precision",
    "recall",
    "coverage",
    "within-class pixel variance",
)
rows_to_ask = tuple(row for row in metrics.METRICS if row.name in questions)
report = metrics.evaluate(run, (train, held_out), classifier=judge, metrics=rows_to_ask)
print(report.table())

# %% [markdown]
# The *interval* says how far a value moves with other samples of the same generator. It knows
# nothing of other trainings.
#
# Read from the top: the class is right nearly always. Precision is a little below that of real images. Then
# look at recall and at the variance within a class, and compare them with the column *real*: **right class, clear image,
# less variety.** Is that AC-GAN's doing, or would any small GAN do the same? One run cannot tell. Section 8 compares many.
#
# AC-GAN's paper asks three more questions of its images. We ask them of ours.
#
# ### Is there detail in the pixels?
#
# The paper shrinks images, enlarges them again, and asks a classifier of full-size images: *discriminability*. Images with detail in them
# should lose. Careful: our digits were 8 × 8 before they were enlarged, so nothing finer is in them. **Predict:** will the accuracy of the
# *real* digits fall at 8 pixels all the same?

# %% tags=["nbval-ignore-output"]
labels = torch.arange(2000) % 10
images = metrics.draw_samples(run, labels, seed=0)
sweep = metrics.resolution_sweep(images, labels, held_out.images, held_out.labels, judge)
print("pixels   generated             real")
for row in sweep:
    cells = (f"{each.value:.2f} [{each.low:.2f}, {each.high:.2f}]" for each in row[1:])
    print(f"{row.pixels:>6}   " + "    ".join(cells))

figure, axes = plt.subplots(figsize=(5, 2.8), layout="constrained")
for name in ("real", "fake"):
    shares = [row.real if name == "real" else row.generated for row in sweep]
    middle = [share.value for share in shares]
    error = [
        [share.value - share.low for share in shares],
        [share.high - share.value for share in shares],
    ]
    look = {
        "color": plots.COLOURS[name],
        "marker": plots.MARKERS[name],
        "ls": plots.LINESTYLES[name],
    }
    axes.errorbar([row.pixels for row in sweep], middle, error, label=name, capsize=3, **look)
axes.axhline(0.1, color="black", ls=":", lw=1, label="by chance")
axes.set(xscale="log", xticks=[2, 4, 8, 16], xticklabels=[2, 4, 8, 16])
axes.minorticks_off()
axes.set(xlabel="pixels a side, for a moment", ylabel="accuracy of the judge")
axes.legend(frameon=False)
plots.show(
    figure,
    alt="Accuracy of the judge on real and on generated digits at 2, 4, 8 and 16 pixels: both rise from "
    "chance to nearly 1, close together.",
)

# %% [markdown]
# It falls by a quarter, for real digits as for fakes, though no detail finer than 8 pixels was ever there. What it costs is the blur of going
# down and up, which this judge has never seen. So a falling curve alone proves no detail. Only the distance between the two curves
# counts, and where their intervals overlap, as in the run stored here, we cannot tell.
#
# ### Which classes are varied?
#
# *MS-SSIM* compares two images structure by structure; 1 means equal. The paper takes random pairs within a class: a class
# whose mean similarity is higher than that of the least varied *real* class has collapsed. (The line is that class's value in half of
# the real images, for the other half is measured against it.) **Predict:** which digit is the least varied in real life?

# %% tags=["nbval-ignore-output"]
verdict = metrics.diversity(images, labels, digits.images, digits.labels, 10)
similar = {
    "real": metrics.class_similarity(digits.images, digits.labels, 10).mean.tolist(),
    "fake": verdict.generated.mean.tolist(),
}
right = {
    "real": [s.value for s in metrics.accuracy_by_class(held_out.images, held_out.labels, judge)],
    "fake": [s.value for s in metrics.accuracy_by_class(images, labels, judge)],
}
plots.show(
    plots.accuracy_against_similarity(right, similar, digits.class_names, verdict.threshold),
    alt="Accuracy against similarity within the class, a named mark a digit, real and generated; most "
    "generated digits lie to the right of the real one of their name.",
)
more = sum(f > r for f, r in zip(similar["fake"], similar["real"], strict=True))
print(f"more alike than real ones: {more} of 10 classes")
print(f"as varied as the least varied real class: {verdict.share:.1f} of the classes")

# %% [markdown]
# The paper's rule passes most classes, and yet class by class the fakes are more alike than the real digits. One threshold for all
# is easy to pass when the *least varied* digit sets it, so compare each class with itself. The least varied is the 0, among
# real digits and among fakes. Their accuracy tells nothing of it: nearly all fakes of nearly all classes are read as asked.
#
# ### Has it copied?
#
# For each fake we look for the nearest training image and for the nearest held-out image, by the mean difference of pixels. If
# the split has left no trace, the training image is the nearer one as often as its part of all images says: 0.80.

# %% tags=["nbval-ignore-output"]
near = metrics.pixel_neighbours(images, train.images, held_out.images)
share = near.train_share
print(f"a training image is nearest: {share.value:.2f} [{share.low:.2f}, {share.high:.2f}]")
print(f"without a trace: {near.expected:.2f}; copies: 1.00")

closest = [int(near.train_distance.masked_fill(labels != k, torch.inf).argmin()) for k in range(10)]
stack = [
    images[closest],
    train.images[near.train_index[closest]],
    held_out.images[near.held_out_index[closest]],
]
plots.show(
    plots.image_grid(
        torch.cat(stack),
        columns=10,
        titles=digits.class_names,
        sides=["made", "training", "held out"],
    ),
    alt="Of each digit the generated image that lies nearest to a training image, above that image and above "
    "the nearest held-out one: alike, and not equal.",
)

# %% [markdown]
# An interval that holds 0.80 shows no trace. The picture has the most suspicious fake of each digit: look for strokes that agree
# pixel by pixel in the first two rows and not in the third.

# %% [markdown]
# ## 5 · Images whose truth is known
#
# For handwriting, nobody knows the set of all good images. So here is a set where we do. `shapes`
# is *rendered*: ten shapes, each in every combination of size, position, rotation, style (filled
# or outline) and brightness. That is 432 images a class, and there are no others.

# %%
shapes = kit.data.load("shapes", size=16)
print(shapes)
for factor, values in shapes.factor_values.items():
    print(f"{factor:>10}: {', '.join(map(str, values))}")
plots.show(
    plots.real_grid(shapes, rows=5),
    alt="Five rendered examples of each of ten shapes, in different sizes, places and styles.",
)

# %% [markdown]
# Because we know them all, there is an **oracle**: it compares an image with all 4,320 rendered ones and names
# the nearest. So it can read class, size, position and so on from *any* image, also from a generated
# one. An image is called *recognisable* when it lies no farther from the nearest rendered image than
# the point half way between two rendered images that differ by one step in every factor.
#
# The same AC-GAN, the same λ, 2,000 steps. That takes minutes, so the run ships with the kit (`tools/record_runs.py` makes
# it again). Move the checkpoints: when is the class right, and when the drawing?

# %% tags=["nbval-ignore-output"]
shapes_run = kit.Run("../data/runs/shapes/acgan-0")
kit.widgets.ClassGrid(shapes_run)

# %%
plots.show(
    plots.class_grid(shapes_run, rows=8),
    alt="Class grid on shapes: eight noise vectors down, ten shapes across; along a row size and place agree, "
    "and mostly the style.",
)

# %% [markdown]
# ### Predict
#
# Which share of these images is recognisable? Of the 432 combinations of each class, how many would a *perfect* generator
# show in 100 images of the class? (Fewer than 100: it would draw some twice.)
#
# ### Look

# %% tags=["nbval-ignore-output"]
oracle = shapes.oracle()
labels = torch.arange(1000) % 10
read = metrics.oracle_report(metrics.draw_samples(shapes_run, labels, seed=0), labels, oracle)
print("                       generated   perfect")
print(f"right class              {read.class_accuracy:.2f}        1.00")
print(f"recognisable             {read.recognisable:.2f}        1.00")
print(f"combinations shown       {read.coverage:.2f}        {read.expected_coverage:.2f}")
print()
print(read.factor_table(shapes.factor_values))

# %% [markdown]
# The upper table: the class is right, six images in ten are recognisable, and a class shows half the combinations that a perfect
# generator would: mostly because four in ten do not count. (57 perfect images of a class would show 0.12.)
#
# The lower one tells what is missing. In the training images every value of a factor is equally frequent: the column *even*.
# Where *share* is far from it, the generator has a favourite, or cannot yet do the others well. It counts only
# images that are recognisable *and* of the class asked for. Nine in ten of those are filled: outlines are drawn, as the grid shows,
# but not yet cleanly. No accuracy would have told you.

# %% [markdown]
# ## 6 · What does a fixed z keep?
#
# In the class grid we keep $z$ and change the class. If $z$ has come to mean "large, top left,
# outlined", then the whole row is large, top left and outlined. Nobody asked for that: no loss
# mentions it.
#
# **Predict:** for each factor: will two classes with the same $z$ agree more often than by chance? For which most?
#
# We draw 300 vectors $z$, make each into all ten classes, let the oracle read the factors, and
# count in how many of the 45 pairs of classes they agree. *Chance* is what the same images would
# score if each class had its own, unrelated $z$. Three trainings ship with the kit; we ask all three.

# %% tags=["nbval-ignore-output"]
for seed in range(3):
    one = kit.Run(f"../data/runs/shapes/acgan-{seed}")
    readings = metrics.read_across_classes(one, oracle, n=300)
    print(f"training {seed}")
    print(metrics.kept_table(metrics.kept_across_classes(readings)))

# %% [markdown]
# A number above chance means that this factor is carried by $z$, in the same way for many classes: in all three trainings size,
# place and style, furthest above chance the height y; the rotation in none; the brightness in two, and hardly in the third. One training
# alone would have told us otherwise. The classes share
# all convolutions of the generator; only the class vector and the scales and shifts of its normalisation
# differ. Sharing weights makes sharing a meaning cheap.

# %% [markdown]
# ## 7 · What lies in between?
#
# Go from one $z$ to another, class fixed. Not in a straight line: 32 normal numbers lie at a distance of about √32 from the origin,
# and the middle of a straight line is nearer. Turn the direction evenly instead, on an arc (*slerp*: Shoemake 1985, White 2016).
#
# Or go from one **class** to another, $z$ fixed. To $G$ a class is a row of numbers in a few tables: its vector, and the scales and
# shifts of each normalisation. So we can mix two rows, a share $s$ of the second. Training has never asked for such a class.
#
# ### Predict
#
# Half way between two $z$: a shape, or a double exposure of two shapes? Half way between heart and hourglass?
#
# ### Run
#
# In the upper strip only $z$ changes, in the lower one only the class; the marked image is the same in both. *New z* draws
# other $z$. Try an early checkpoint too.

# %% tags=["nbval-ignore-output"]
way = kit.widgets.Interpolate(shapes_run, first="heart", second="hourglass")
way

# %% [markdown]
# The same, still.

# %%
plots.show(
    way.figure(),
    alt="Two strips of eleven images: above, one z turns into another and stays a shape; below, half way "
    "between two classes, a blot.",
)

# %% [markdown]
# ### Look
#
# Is what lies in between a shape? The oracle reads 450 images at each step: for $z$ within the classes, on the arc and on the
# straight line; for the class between each of the 45 pairs of classes.

# %% tags=["nbval-ignore-output"]
STEPS = torch.linspace(0, 1, 5)
generator = shapes_run.generator()
z = torch.randn(900, 32, generator=torch.Generator().manual_seed(0))
labels = torch.arange(450) % 10
arc = torch.stack([slerp(z[i], z[450 + i], STEPS) for i in range(450)], dim=1)
straight = torch.stack([torch.lerp(z[i], z[450 + i], STEPS[:, None]) for i in range(450)], dim=1)


def row(name, values):
    print(f"{name:<31}" + "".join(f"{float(value):7.2f}" for value in values))


row("how far along", STEPS)
for name, path in (("z on the arc", arc), ("z in a line", straight)):
    row(f"{name}: length of z", path.norm(dim=2).mean(dim=1))
    made = [sample(generator, step, labels) for step in path]
    readings = [oracle.read(images) for images in made]
    row(f"{name}: recognisable", [each.recognisable.float().mean() for each in readings])
    row(f"{name}: variance", [metrics.within_class_variance(x, labels, 10).mean() for x in made])

pairs = torch.tensor([(a, b) for a in range(10) for b in range(a)]).repeat_interleave(10, dim=0)
between = []
for i in range(0, 450, 10):
    mixed = between_classes(generator, *pairs[i].tolist(), STEPS)
    steps = torch.arange(5).repeat_interleave(10)
    between.append(sample(mixed, z[i : i + 10].repeat(5, 1), steps).unflatten(0, (5, 10)))
readings = [oracle.read(step) for step in torch.cat(between, dim=1)]
row("classes: recognisable", [each.recognisable.float().mean() for each in readings])
for place, name in enumerate(("first", "second")):
    row(
        f"classes: read as the {name}",
        [(r.labels == pairs[:, place]).float().mean() for r in readings],
    )

# %% [markdown]
# ### Explain
#
# One training, seed 0.
#
# - **Between two $z$** the images are as recognisable as at the ends (0.56 half way): $G$ has learned shapes, not a list of them.
# - **The straight line looks even better, and that is the trap.** In its middle $z$ is short: you see the truncation slider of
#   section 3 at work, clearer images (0.69) of less variety (a variance of 0.12 instead of 0.20). The arc shows what $G$ makes of the $z$
#   it was trained on.
# - **Between two classes** few images are shapes at all: half way 0.19. The class was only ever asked for whole.

# %% [markdown]
# ## 8 · λ, over seeds
#
# Now the comparison that section 4 asked for. A script of this repository (`benchmarks/conditioning.py`)
# has trained many small GANs: **the same network, recipe, batch and number of steps, three seeds each;
# only the conditioning and its weight differ.** Beside AC-GAN at several λ stands *projection*, another way to use
# labels: it adds no classifier, and asks $D$ only whether image and label fit together.
#
# ### Predict
#
# Draw two curves on paper, from λ small to λ large: accuracy, and coverage.
#
# ### Look

# %%
trained = json.loads(Path("../benchmarks/results/conditioning.json").read_text())["rows"]
weights = [0.1, 0.3, 1.0, 10.0]


def seeds(data, steps, method, weight, name):
    """The values of one metric: one for each training seed."""
    wanted = {"data": data, "steps": steps, "method": method, "weight": weight, "options": ""}
    return [row[name] for row in trained if wanted.items() <= row.items() and name in row]


figure, panels = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for axes, name in zip(panels, ["accuracy", "coverage", "variance"], strict=True):
    style = {"color": plots.COLOURS["acgan"], "marker": plots.MARKERS["acgan"], "ls": "none"}
    for weight in weights:
        found = seeds("digits", 1000, "acgan", weight, name)
        axes.plot([weight] * len(found), found, **style, label="acgan")
    found = seeds("digits", 1000, "projection", None, name)  # it has no weight
    colour = plots.COLOURS["projection"]
    axes.axhspan(min(found), max(found), color=colour, alpha=0.3, lw=0, label="projection")
    real = seeds("digits", 1000, "real", None, name)[0]
    axes.axhline(real, color="black", ls=":", label="real images")
    axes.set(xscale="log", xlabel="λ, the weight of the class loss", title=f"digits: {name}")
entries = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=3)
plots.show(
    figure,
    alt="Digits: accuracy, coverage and variance against the weight of the class loss, beside "
    "projection and real images; as the weight grows, coverage and variance fall.",
)


# %%
def spread(data, steps, kinds, names):
    """Prints the lowest and the highest of three training seeds."""
    print(f"{data}, {steps} steps".ljust(28) + "".join(f"{name:>16}" for name in names))
    for method, weight in kinds:
        label = method if weight is None else f"{method}, λ = {weight:g}"
        found = [seeds(data, steps, method, weight, name) for name in names]
        cells = (f"{min(each):.2f} to {max(each):.2f}" for each in found)
        print(f"{label:<28}" + "".join(f"{cell:>16}" for cell in cells))
    print()


dial = [("projection", None), *(("acgan", weight) for weight in weights), ("real", None)]
spread("digits", 1000, dial, ["accuracy", "recall", "coverage", "variance"])
dial = [("projection", None), ("acgan", 0.1), ("acgan", 1.0), ("real", None)]
spread("shapes", 3600, dial, ["oracle_accuracy", "recognisable", "coverage", "combinations"])

# %% [markdown]
# ### Explain
#
# Mind the spread: where the ranges of two rows overlap, three seeds *cannot tell* them apart.
#
# - **Accuracy rises from λ = 0.1 to 0.3.** From there on three seeds cannot tell. At λ = 1 it is as high as that of real images; these rows rest
#   on 359 images, and one image is 0.003. Whether AC-GAN's images are *easier* than real ones you will see where the truth is known, in
#   section 9.
# - **Variance falls with λ**, a little at first, to half of the real images' at λ = 10. Coverage cannot tell λ = 0.3 from λ = 1; at
#   λ = 10 it has fallen far, with an accuracy as good as at λ = 1: nobody who looks at
#   accuracy alone would notice what is gone.
# - **Projection has no dial.** At λ = 1 AC-GAN has the better accuracy (after 400 steps the ranges still overlap) and projection the
#   larger variance, with ranges that do not touch. Their coverage cannot tell them apart.
# - **On shapes** AC-GAN at λ = 1 covers less than projection, with ranges that do not touch. At λ = 0.1 the
#   ranges touch, and it obeys less often.
#
# ### Two other class losses
#
# `acgan-real-only` is the second dial of section 2. And does the classifier have to be an *auxiliary* one, learning along with
# $D$? The `frozen-classifier` was trained on real images beforehand, never learns again, and $G$ wants to please it.
#
# **Predict:** which of the three will have the best accuracy, and which the least variety? Do the judge and the oracle agree
# about the frozen one?

# %%
kinds = ["acgan", "acgan-real-only", "frozen-classifier"]
for weight in (0.1, 0.3, 1.0):
    spread("digits", 400, [(kind, weight) for kind in kinds], ["accuracy", "coverage", "variance"])
compared = [("projection", None), *((kind, 1.0) for kind in kinds), ("real", None)]
for classes, steps in (("ten", 400), ("a hundred", 800)):
    print(f"{classes} glyphs:")
    spread("glyphs", steps, compared, ["accuracy", "oracle_accuracy", "recall", "variance"])

# %% [markdown]
# - **Real and fake, or real only?** On digits the accuracies part at λ = 0.1 alone, in favour of real only; in coverage and
#   variance we cannot tell the two apart. On ten glyphs the ranges touch. With a hundred, real only obeys far more often: to
#   call a bad glyph 37 a 37 helps nobody. But at that number *neither* is varied, and projection still is.
# - **Frozen:** the best accuracy on digits at each λ, and at λ = 1 about half the variance. It always likes the same images best,
#   and $G$ has all the time in the world to find them. On a hundred glyphs the judge believes what the oracle does not: $G$ has found
#   images that *classifiers* take for the class. (The oracle has learned nothing, so a pattern that only pleases networks does not please
#   it.) An auxiliary classifier reads the features of a $D$ that keeps learning what fakes look like.

# %% [markdown]
# ## 9 · Where classes overlap
#
# Is AC-GAN's lost variety the bad luck of a small network? Three classes of points in the plane, normal around
# −2, 0 and 2 on the first axis, with standard deviation 1. Neighbours overlap: even the best judge, who knows all densities,
# is often unsure. How unsure on average is the conditional entropy $H(C \mid X)$, and here it is known.
#
# **Predict:** a perfect generator makes points that the best judge classifies rightly in 79 % of cases. What will
# AC-GAN's points score? Where will it put the *middle* class? And what happens along the second axis, which says nothing of the class?

# %% tags=["nbval-ignore-output"]
line = kit.data.load("gaussians", layout="line")
labels = torch.arange(6000) % 3
points = {"truth": line.draw(labels, seed=1)}
for name, conditioning in (("acgan", kit.losses.ACGAN()), ("projection", kit.losses.Projection())):
    gan = kit.GAN.for_points(line, conditioning, seed=0)
    made = kit.train(gan, line, steps=1000, seed=0, precision=FLOAT32)
    points[name] = metrics.draw_samples(made, labels, seed=0)

figure, panels = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained", sharey=True)
across = torch.linspace(-5.5, 5.5, 200)
density = line.log_density(torch.stack([across, torch.zeros(200)], dim=1)).exp()
density = density * (2 * torch.pi) ** 0.5  # of the first axis alone
for axes, (name, x) in zip(panels, points.items(), strict=True):
    for k in range(3):
        axes.plot(across, density[:, k], color="black", lw=0.8)
        colour = plots.COLOURS["none" if name == "truth" else name]
        bins = torch.linspace(-5.5, 5.5, 56).tolist()
        axes.hist(x[labels == k, 0].tolist(), bins, density=True, color=colour, alpha=0.3 + 0.2 * k)
    axes.set(title=name, xlabel="first axis")
plots.show(
    figure,
    alt="Histograms of three overlapping classes beside the true densities: real points and projection fill "
    "them; AC-GAN leaves the places between the classes empty, and its middle class is narrow.",
)

print(f"known: H(C|X) = {line.conditional_entropy():.2f} nats\n")
print("            best judge   its uncertainty   spread of the middle class")
print("                right          (nats)      1st axis       2nd axis")
for name, x in points.items():
    p = line.posterior(x)[torch.arange(6000), labels]
    right = (line.posterior(x).argmax(dim=1) == labels).float().mean()
    one, two = x[labels == 1].std(dim=0)
    print(
        f"{name:<14}  {right:.2f}          {-p.log().mean():.2f}           {one:.2f}           {two:.2f}"
    )

# %% [markdown]
# ### Explain
#
# $G$ is paid for points that the classifier is sure about. Between two classes nobody can be sure, so $G$ leaves that place
# empty: each class keeps to its own side, and the middle one, with a neighbour on either side, is squeezed. Along the second
# axis there is nothing to be paid for, and at λ = 1 the spread is nearly right. So this is no lack of variety in general. It is what
# $L_C$ asks for: **samples whose class is clearer than in truth**, a lower $H(C \mid X)$ (Shu et al. 2017, Gong et al. 2019).
# Projection is not paid for that, and on these points does not do it.
#
# One seed each. Three seeds of 1,500 steps, as `docs/explosion.md` reports them; the spread is over both axes and all classes:

# %%
stored = json.loads(Path("../benchmarks/explosion/points.json").read_text())["rows"]
study = [row for row in stored if row["seed"] < 3]
overlap = {"layout": "line", "classes": 3, "steps": 1500}
print("spread within a class; truth: 1.00")
for method, options in [
    *(("acgan", {"weight": weight}) for weight in (0.01, 0.1, 1.0, 10.0)),
    *((name, {}) for name in ("reacgan", "projection", "tacgan", "adcgan")),
]:
    wanted = overlap | {"method": method, "options": options}
    found = [row["spread"] for row in study if wanted.items() <= row["setting"].items()]
    name = f"{method}, λ = {options['weight']:g}" if options else method
    print(f"{name:<18}{min(found):.2f} to {max(found):.2f}")

# %% [markdown]
# Mind the average: the second axis, which stays near 1 up to λ = 1, hides most of the loss on the first. Even at λ = 0.01 the classes are too narrow.
# ReACGAN, which you meet in lesson 04, shrinks them as well. TAC-GAN and ADC-GAN are AC-GANs with a second opinion: they learn from the
# fakes what their classes look like *now*, and $G$ is paid for the difference between real and fake only. On these points that ends
# the shrinking. On shapes that overlap (`docs/explosion.md`, section 4) TAC-GAN alone draws the overlap, projection a part of it, and
# ADC-GAN none. Are our digits less varied for this reason? We have not measured it.

# %% [markdown]
# ## 10 · One model for all classes, or several small ones?
#
# For ImageNet's 1,000 classes AC-GAN's authors trained *a hundred* models of ten classes each; with more classes a model the images
# of each became more alike. The number of classes per model is a dial too. `benchmarks/classes_per_model.py` deals the classes
# out to 1, 2 or 5 AC-GANs **at the same cost**: all models of a row together do the steps of the single one, and every class is
# shown as often. Then all classes are measured together.
#
# **Predict:** what does a small model gain, and what does it lose? (`worst_accuracy` is that of the class with the lowest.)

# %%
dealt = json.loads(Path("../benchmarks/results/classes_per_model.json").read_text())["rows"]
for data, classes, names in (
    ("digits", 10, ["accuracy", "worst_accuracy", "recall", "coverage", "variance"]),
    ("glyphs", 50, ["oracle_accuracy", "recognisable", "recall", "coverage", "variance"]),
):
    print(f"{data}, {classes} classes".ljust(28) + "".join(f"{name:>16}" for name in names))
    ways = sorted({row["per_model"] for row in dealt if row["data"] == data}, reverse=True)
    for per_model, images_of in [*((way, "generated") for way in ways), (classes, "real")]:
        wanted = {"data": data, "per_model": per_model, "images": images_of}
        group = [row for row in dealt if wanted.items() <= row.items()]
        label = f"{group[0]['models']} × {per_model} classes, {group[0]['steps']} steps"
        if images_of == "real":
            label = "real images"
        found = [[row[name] for row in group] for name in names]
        cells = (f"{min(each):.2f} to {max(each):.2f}" for each in found)
        print(f"{label:<28}" + "".join(f"{cell:>16}" for cell in cells))
    print()

# %% [markdown]
# - **At the same cost, dealing the classes out does not pay here.** On digits two models of five are less accurate than one of ten,
#   above all in their worst class; about coverage and variance we cannot tell. On glyphs the oracle finds five models of ten in the
#   right class more often, but next to no image is recognisable: do not build on it. All else is lower. One model's convolutions
#   serve all its classes; five models learn to draw five times, in a fifth of the steps each.
# - **The authors paid another price:** a whole training for each small model. There few classes pay: ten glyphs after 400 steps *of their own* have a variance of 0.36 to 0.53 (section 8), fifty glyphs after 400 steps 0.14 to 0.15 here.
# - **Is it AC-GAN, or any GAN that sees each class less often?** Both. From ten glyphs to a hundred, with a fifth of the images of each class,
#   projection's variance falls from 0.75 to 0.81 down to 0.60 to 0.64, and AC-GAN's from 0.36 to 0.53 down to 0.07.

# %% [markdown]
# ## Exercises
#
# ### 1 · Write $L_C$ (easy, 5 minutes)
#
# Fill in the function: from the classifier's logits, shape (n, K), and the labels, shape (n,), to the
# loss that is *minimised*. The check tries it on random numbers, and names the mistake if it knows it.

# %%
from cgan_kit.exercises import acgan as exercise


def class_loss(logits, labels):
    return ...  # your answer


_ = exercise.check_class_loss(class_loss)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `torch.nn.functional.cross_entropy` wants the logits themselves. Much public AC-GAN code applies a
# softmax first. What does that do to the size of the gradient?
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# def class_loss(logits, labels):
#     return torch.nn.functional.cross_entropy(logits, labels)
# ```
#
# With a softmax before it, the loss for ten classes cannot leave the range from 1.46 to 2.46, and the
# gradient nearly vanishes once the classifier is sure.
#
# </details>

# %% [markdown]
# ### 2 · Build a class grid (easy, 10 minutes)
#
# From `latents` (rows, Z) and the number of classes K, make the generator's two inputs for a grid,
# row by row: latents (rows · K, Z) and labels (rows · K,).


# %%
def grid_inputs(latents, num_classes):
    return ...  # your answer


_ = exercise.check_grid_inputs(grid_inputs)

# %% [markdown]
# <details><summary>Hint</summary>
#
# For each $z$ all classes, then the next $z$. Compare `repeat` and `repeat_interleave`.
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# def grid_inputs(latents, num_classes):
#     labels = torch.arange(num_classes).repeat(len(latents))
#     return latents.repeat_interleave(num_classes, dim=0), labels
# ```
#
# `latents.repeat(num_classes, 1)` has the right shape too. But then $z$ changes together with the class,
# and the grid proves nothing.
#
# </details>

# %% [markdown]
# ### 3 · The arc between two z (medium, 15 minutes)
#
# `start` and `end`, of shape (Z,), have the same length. Go a share `t` of the way from one to the other, on the sphere and at an even
# pace. With Ω the angle between the two, their weights are `sin((1 - t) * Ω) / sin(Ω)` and `sin(t * Ω) / sin(Ω)`.


# %%
def arc_between(start, end, t):
    return ...  # your answer


_ = exercise.check_arc(arc_between)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The cosine of Ω is the scalar product of the two vectors, *each divided by its length*.
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# def arc_between(start, end, t):
#     angle = (start @ end / (start.norm() * end.norm())).acos()
#     return (((1 - t) * angle).sin() * start + (t * angle).sin() * end) / angle.sin()
# ```
#
# `cgan_kit.paths.slerp` also takes ends of different lengths, and ends without an angle between them.
#
# </details>

# %% [markdown]
# ### 4 · Mend the overlap (medium, 20 minutes)
#
# In section 9 change one thing at a time: `weight=0.01` and `weight=10`; `kit.losses.TACGAN()` in place of projection; another `seed`. Which
# of the picture's features stay: the empty places between classes, the squeezed middle class, the right second axis? Write down *before* you
# look what would change your mind.
#
# <details><summary>Answer</summary>
#
# With λ = 10 the middle class is nearly a line on the first axis (0.02 to 0.04 with seeds 0 to 2), and its second axis shrinks too (0.2 to 0.7), though it says nothing of the class. With λ = 0.01 the gaps are about half filled, and the classes still too narrow (0.50 to 0.58).
# TAC-GAN fills them (0.93 to 0.99). The table at the end of section 9 averages both axes.
#
# </details>

# %% [markdown]
# ## What we saw
#
# - AC-GAN gives the discriminator a second question, *which class?* About that question the players cooperate.
# - With ten classes the right class comes early and nearly always; with a hundred it does not. It is what $L_C$ asks for, and it
#   asks for nothing else. Images that are easy to classify earn more than varied ones: λ is the price list.
# - Where classes overlap this is a bias that no training time mends: the classes come out clearer and narrower than they are.
# - A fixed $z$ keeps meaning across classes, because the classes share the generator's weights. Between two $z$ there are shapes; between
#   two classes mostly not.
# - A number needs company: the value of real images, more than one seed, and the dial that made it.

# %% [markdown]
# ## Questions
#
# <details><summary>Why can D's own classifier not tell us how good the classes are?</summary>
#
# $G$ was trained to please exactly this classifier. Its accuracy on fakes tells whether $G$ pleases it,
# not whether the images are right.
#
# </details>
#
# <details><summary>A generator makes one perfect image of each class. What are its accuracy, precision and coverage?</summary>
#
# Accuracy 1, precision about 1, recall and variance 0, coverage about 0.1. So accuracy alone rewards collapse. MS-SSIM would ring: all
# pairs are equal.
#
# </details>
#
# <details><summary>Which part of the objective rewards variety?</summary>
#
# $L_S$: a $D$ that sees the same image again and again can learn to call it fake. $L_C$ does not reward
# variety at all.
#
# </details>
#
# <details><summary>Smooth paths between two z: do they prove that nothing was copied?</summary>
#
# No. They speak against a plain list of training images, for such a list has nothing in between. But a generator can pass smoothly
# through copies. Nearest neighbours and held-out images ask the question directly.
#
# </details>

# %% [markdown]
# ## References
#
# - Odena, Olah, Shlens: *Conditional Image Synthesis with Auxiliary Classifier GANs*, ICML 2017,
#   arXiv:1610.09585. Equations 2 and 3 are $L_S$ and $L_C$; discriminability and the resolution sweep, MS-SSIM, nearest neighbours
#   and classes per model are in its section 4.
# - Miyato, Koyama: *cGANs with Projection Discriminator*, ICLR 2018, arXiv:1802.05637.
# - Shu, Bui, Ermon: *AC-GAN Learns a Biased Distribution*, NeurIPS workshop on Bayesian deep learning 2017.
# - Gong et al.: *Twin Auxiliary Classifiers GAN*, NeurIPS 2019, arXiv:1907.02690.
# - White: *Sampling Generative Networks*, 2016, arXiv:1609.04468; Shoemake: *Animating Rotation with Quaternion Curves*, SIGGRAPH 1985.
# - Hou et al.: *Conditional GANs with Auxiliary Discriminative Classifier*, ICML 2022, arXiv:2107.10060: ADC-GAN.
# - Kynkäänniemi et al.: *Improved Precision and Recall Metric for Assessing Generative Models*, NeurIPS 2019, arXiv:1904.06991. Naeem et
#   al.: *Reliable Fidelity and Diversity Metrics for Generative Models*, ICML 2020, arXiv:2002.09797: coverage.
# - Wang, Simoncelli, Bovik: *Multiscale Structural Similarity for Image Quality Assessment*, Asilomar 2003: MS-SSIM.
# - Goodfellow et al.: *Generative Adversarial Networks*, 2014, arXiv:1406.2661.
