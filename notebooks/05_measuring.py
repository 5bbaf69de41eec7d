# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · Measuring: a number, its floor and its spread
#
# *You break real images on purpose, see which metric notices, and learn when to say "cannot tell".*

# %% [markdown]
# ## What you will learn
#
# - which question each metric asks, and what it cannot see;
# - what a *perfect* generator scores, the **floor**, and how often luck alone sets off an alarm;
# - why the Fréchet distance depends on the number of images, and what to do about it;
# - when a difference between two methods is a finding, and when it is luck.

# %% [markdown]
# ## Before you start
#
# You have seen precision and coverage in lesson 02. No GAN is trained here: we measure
# real images, whole and broken, because for them we *know* what is wrong.
#
# **Time:** under a minute to run on a laptop with two cores and no GPU; an hour to read, think and
# answer. Nothing is downloaded.

# %%
import json
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import torch

import cgan_kit as kit
from cgan_kit import metrics, plots
from cgan_kit.exercises import measuring as exercise
from cgan_kit.widgets.metric_laboratory import Damage

torch.set_num_threads(1)  # so that the lesson repeats itself on your machine

# %% [markdown]
# ## 1 · One number, two neighbours
#
# *Precision 0.95.* Is that good? You need two more numbers to say: what would **perfect** images
# score, measured in the same way? And how much does that vary **by luck**?
#
# We can find out, because we own a perfect generator: a drawer full of real images that no network
# has seen. A classifier learns from 40 % of the digits. The other 60 % are *unseen*.

# %%
digits = kit.data.load("digits", size=16)
train, unseen = digits.split(held_out=0.6, seed=0)
print("train: ", train)
print("unseen:", unseen)
judge = metrics.train_classifier(train, unseen)

# %% [markdown]
# Now deal the unseen images into two halves, class by class, as one deals cards. One half is the *reference*,
# the other half plays a perfect generator. Measure. Then shuffle, deal and measure again, twenty times.
# That is what a `Bench` does. It asks:
#
# | question | metric | in words | worse is |
# |---|---|---|---|
# | right class? | class accuracy | share of images that the classifier puts into the class asked for | lower |
# | clear? | precision | share of generated images close to some real image | lower |
# | varied? | recall, coverage | share of real images close to some generated image (two ways to say "close") | lower |
# | varied in its class? | MS-SSIM | how alike random pairs of a class are | higher |
# | | Vendi score | how many different images a class has in effect, by their likeness in features (all of them alike: 1) | lower |
# | the whole? | Fréchet distance | $\lVert\mu - \mu'\rVert^2 + \mathrm{tr}(\Sigma + \Sigma' - 2(\Sigma\Sigma')^{1/2})$ of the means $\mu$ and covariances $\Sigma$ of real and generated features; also within each class, then the mean | higher |
#
# On the features of an Inception network, the Fréchet distance is called **FID**. Ours are those of the small classifier.
#
# ### Predict
#
# Both halves are real handwriting. Write down two numbers: the precision; and how many times larger the Fréchet distance
# *within classes* will be than the whole one.
#
# ### Run

# %% tags=["nbval-ignore-output"]
bench = metrics.Bench(train, unseen, judge)
rows = [(name, *floor) for name, floor in bench.floors.items()]
print(metrics.table(("real images", "lowest", "mean", "highest"), rows, decimals=3))

# %% [markdown]
# ### Explain
#
# - **Perfect is not 1, and not 0.** Two samples of the same thing differ. What perfect images score is the
#   **floor** (of precision it is rather a ceiling). A generator that lies far *beyond* it is not better than real: ask what it
#   gave up.
# - **Perfect is a range.** A value between *lowest* and *highest* cannot be told from real images, by
#   this metric and with this number of images.
# - Distances have no unit that carries over. The two Fréchet rows differ by a factor of five, and both are perfect.
#
# For a trained run, `metrics.evaluate(run, ...)` prints such neighbours beside every value.
#
# ### Predict
#
# Deal sixty times more. Each new sample is as perfect as those before. In how many of the sixty will *some* metric,
# at least one of the eight, lie outside its range?
#
# ### Run

# %% tags=["nbval-ignore-output"]
alarms = Counter()
for seed in range(100, 160):  # the ranges are those of the deals 0 to 19
    fresh = bench.dealt(seed)
    outside = bench.outside(fresh.measure(fresh.sample.images, fresh.sample.labels))
    alarms.update(["some metric", *outside] if outside else [])
for name in ("some metric", *bench.floors):
    print(f"{name:<32} outside in {alarms[name]:>2} of 60")

# %% [markdown]
# ### Explain
#
# Of 21 equal deals one is the lowest and one the highest. That the new one is either has a chance of 2 in 21, so each metric gives a false
# alarm in about one case in ten. There are eight metrics, and one or the other gives it more often than not. **A value outside its range is no
# finding yet. One far outside is, and one that is outside again in a fresh deal.**

# %% [markdown]
# ## 2 · The bias in n
#
# ### Predict
#
# Generator A is perfect, and we draw 100 images from it. Generator B makes blurred images, and
# we draw 500. Which has the *smaller* (better) Fréchet distance to the same reference?
#
# ### Run
#
# We measure a perfect generator with $n$ = 40 to 500 images, twenty times each. The reference always has 500. Beside the
# Fréchet distance stands the KID (kernel inception distance): it fits no Gaussians, but compares how alike images are
# within the two sets and between them.

# %% tags=["nbval-ignore-output"]
features = judge.features(unseen.images)
sizes = [40, 60, 100, 150, 250, 500]
frechet, kid = torch.zeros(2, len(sizes), 20)
blurred_features = judge.features(metrics.blur(unseen.images, sigma=0.5))
blurred = torch.zeros(20)
for seed in range(20):
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))
    reference, rest = features[order[:500]], features[order[500:]]
    for i, n in enumerate(sizes):
        frechet[i, seed] = metrics.frechet_distance(reference, rest[:n])
        kid[i, seed] = metrics.kid(reference, rest[:n], permutations=0).value
    blurred[seed] = metrics.frechet_distance(reference, blurred_features[order[500:1000]])
for n, values in zip(sizes, frechet, strict=True):
    floor = metrics.frechet_floor(features, 500, n)
    print(f"perfect, {n:>3} images: mean {values.mean():4.0f}   formula {floor:4.0f}")
print(f"blurred, 500 images: mean {blurred.mean():4.0f}")

# %% tags=["nbval-ignore-output"]
figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
style = {"color": plots.COLOURS["real"], "marker": plots.MARKERS["real"], "ls": "none"}
inverse = 1 / torch.tensor(sizes)
for axes, values in zip(panels, (frechet, kid), strict=True):
    axes.plot(inverse, values, ms=3, alpha=0.35, **style)
    axes.plot(inverse, values.mean(dim=1), ms=8, label="perfect, mean of 20", **style)
    axes.set_xticks(inverse[[0, 1, 2, 3, 5]], [f"1/{sizes[i]}" for i in (0, 1, 2, 3, 5)])
    axes.set(xlim=(0, None), xlabel="1 / number of images")
line = [metrics.frechet_floor(features, 500, n) for n in (10**9, sizes[0])]
panels[0].plot([0, 1 / sizes[0]], line, color="black", ls=":", label="formula of the floor")
panels[0].axhline(blurred.mean(), color=plots.COLOURS["fake"], ls="--", label="blurred, 500 images")
panels[0].set(title="Fréchet distance", ylim=(0, None))
panels[0].legend(frameon=False, fontsize=9)
panels[1].axhline(0, color="black", ls=":")
panels[1].set_title("KID")
plots.show(
    figure,
    alt="Left: the Fréchet distance of a perfect generator grows with one over the number of images "
    "and passes that of blurred images. Right: the mean KID stays near zero.",
)

# %% [markdown]
# ### Explain
#
# - With 100 images the perfect generator looks *worse*, on average, than the blurred one with 500. **Never compare Fréchet
#   distances of different numbers of images.**
# - The bias is nearly a straight line in $1/n$, and a formula knows it: `metrics.frechet_floor`.
# - With 500 images a perfect generator scores 7 here; in section 1 it was 2.5 with 539. There every *class* was dealt out
#   evenly, here the heap is shuffled as a whole, and the classes' shares differ by luck. **Draw the floor as the samples are
#   drawn.** `metrics.evaluate` deals by class.
# - A line can be followed to $1/n = 0$, to infinitely many images: FID∞ (Chong and Forsyth). It does not
#   reach 0, because the reference still has only 500.
# - The KID has no such bias. Its mean stays near 0, and single values fall below it. But look at the
#   spread: with few images it says little. Unbiased is not the same as sure.

# %% tags=["nbval-ignore-output"]
plain, followed = torch.zeros(2, 10)
for seed in range(10):
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))
    reference, rest = features[order[:400]], features[order[400:]]
    plain[seed] = metrics.frechet_distance(reference, rest)
    followed[seed] = metrics.frechet_infinity(reference, rest, seed=seed).value
floors = [metrics.frechet_floor(features, n, 400) for n in (len(rest), float("inf"))]
lines = [
    (name, float(values.min()), float(values.mean()), float(values.max()), floor)
    for name, values, floor in zip(("678 images", "followed to infinity"), (plain, followed), floors)
]
print(metrics.table(("perfect generator", "lowest", "mean", "highest", "formula"), lines, decimals=1))

# %% [markdown]
# Followed to infinity, the bias of the generated images is gone; the reference's is left. The range is about as wide as
# before: the line takes away the bias, not the luck.

# %% [markdown]
# ## 3 · The laboratory
#
# Now break the images. Four damages, each like an illness of a GAN:
#
# - **keep images**: only a few different images of each class are left (mode collapse);
# - **duplicate**: a share is replaced by copies of others;
# - **blur**: every image loses its fine detail;
# - **mix labels**: the images stay, but a share of them gets another image's label.
#
# ### Predict
#
# Take paper. For each damage write down **one metric that will notice it, and one that will not.**
#
# ### Run
#
# In each line the blue band is what real images score. An open square lies inside it: this metric
# cannot tell these images from real ones. A filled square lies outside. To the right is worse, up to *bad*, the worst that
# any slider does at its end; a triangle at the left edge is far "better" than real. (The scale is a square root, so that
# little damage shows.) Start with one slider at a time. What is the least damage that *several* metrics notice? Can you see
# it yourself? (Undamaged, nothing is outside: this deal is one of the twenty.)

# %% tags=["nbval-ignore-output"]
laboratory = kit.widgets.MetricLaboratory(bench)
laboratory

# %% [markdown]
# Two settings, still, for places where widgets do not run:

# %% tags=["nbval-ignore-output"]
plots.show(
    laboratory.figure(Damage(modes=16)),
    alt="Sixteen images a class: accuracy and precision lie within what real images score; recall, "
    "coverage, MS-SSIM, the Vendi score and both Fréchet distances lie outside.",
)
plots.show(
    laboratory.figure(Damage(mixed=0.2)),
    alt="A fifth of the labels mixed: accuracy and the Fréchet distance within classes are worse "
    "than real, MS-SSIM and the Vendi score better than real, all others like real images.",
)

# %% [markdown]
# And the answer to your prediction, with twenty fresh deals for each damage: in how many of them does a metric lie below
# (↓) or above (↑) what real images score? The first row is what luck does.

# %% tags=["nbval-ignore-output"]
def arrows(found):
    """For each metric how often it lay below (↓) and above (↑); found counts (name, side)."""
    sides = [(found[name, -1], found[name, 1]) for name in bench.floors]
    return [" ".join(f"{n}{a}" for n, a in zip(side, "↓↑", strict=True) if n) or "·" for side in sides]


def how_often(damage):
    """The damage's row of the table: for each metric, in how many of twenty deals it is outside."""
    found = Counter()
    for seed in range(100, 120):
        fresh = bench.dealt(seed)
        images, labels = damage.apply(fresh.sample.images, fresh.sample.labels, seed)
        found.update(bench.outside(fresh.measure(images, labels)).items())
    return arrows(found)


damages = [
    Damage(),
    Damage(modes=16),
    Damage(modes=1),
    Damage(duplicated=0.5),
    Damage(sigma=0.4),
    Damage(sigma=0.5),
    Damage(sigma=1.0),
    Damage(mixed=0.05),
    Damage(mixed=0.2),
]
short = ("", "accuracy", "precision", "recall", "coverage", "MS-SSIM", "Vendi", "Fréchet", "in classes")
print(metrics.table(short, [(str(damage), *how_often(damage)) for damage in damages]))

# %% [markdown]
# ### Explain
#
# Up to about four of twenty is what luck does. Twenty on one side is a finding. Few different images make luck larger: accuracy with copies,
# precision with one image a class.
#
# - *Accuracy* sees wrong labels, even five in a hundred, and strong blur. One image a class is fine with it.
# - *Precision* sees strong blur. It does not see that there is only one image a class: that image is real. (Above or
#   below, on both sides, is the luck of ten images.)
# - *Recall and coverage* see what is gone. They see blur as well: at 0.5 pixels blurred images still lie near real ones
#   (precision), but many real ones have no blurred one near. They do not look
#   at labels.
# - *MS-SSIM and Vendi* take mixed labels for variety: they get *better*. A diversity score praises whatever is
#   different.
# - *The Fréchet distance* sees blur early, in every deal at 0.5 pixels, when accuracy and precision are still like real. It sees
#   lost images too. It does not see labels at all.
# - *Within classes* it sees every one of them in every deal, but for the faintest blur. But it is one number, and cannot say which illness it is. **The pattern
#   over the rows makes the diagnosis.**

# %% [markdown]
# ## 4 · Right images, wrong class
#
# ### Predict
#
# Mix *all* labels. What will the class accuracy be? And what raises the Fréchet distance *within classes* more: this, or a
# blur of 1 pixel?
#
# ### Run

# %%
images, labels = laboratory.damaged(Damage(mixed=1.0))
wrong = kit.data.ImageSet(images, labels, digits.class_names)
plots.show(
    plots.real_grid(wrong, rows=4),
    alt="Four digits in each column 0 to 9; they are readable, and few stand in their own column.",
)
before = bench.measure(bench.sample.images, bench.sample.labels)
after = bench.measure(images, labels)
for name in ("Fréchet distance", "precision", "recall", "coverage"):
    print(f"{name}: the same to the last digit: {before[name] == after[name]}")

# %% tags=["nbval-ignore-output"]
blurred = bench.measure(*laboratory.damaged(Damage(sigma=1.0)))
print(" " * 32 + "before    mixed  blurred")
for name in ("class accuracy (classifier)", "Fréchet distance within classes"):
    print(f"{name:<32}{before[name]:>6.2f}{after[name]:>9.2f}{blurred[name]:>9.2f}")

# %% [markdown]
# ### Explain
#
# With all labels mixed the accuracy is what guessing gives, one in ten. The distance within classes grows some sixty times; a blur of 1 pixel
# makes it grow eleven times.
#
# The other four metrics never ask which class was wanted. A conditional GAN that ignores its labels
# altogether may have a perfect FID. So for a *conditional* GAN always measure something that
# knows the label: accuracy, or a distance **within each class**.
#
# The price: within a class there are ten times fewer images, and section 2 says what that does to a Fréchet
# distance. Compare it with its own floor only.

# %% [markdown]
# ## 5 · What MS-SSIM cannot see
#
# The AC-GAN paper's rule, from lesson 02: a class passes as varied when the MS-SSIM of its pairs lies below that of the
# least varied *real* class.
#
# The rendered shapes have exactly 432 images a class, so we can keep exactly as many as we like.
#
# ### Predict
#
# From about how many different images a class on will most of the ten classes pass: 2, 10, 60, 400?
#
# ### Run

# %%
shapes = kit.data.load("shapes", size=16)
kept = [1, 2, 4, 8, 16, 64, 432]
verdicts = []
for modes in kept:
    few = metrics.keep_modes(shapes.images, shapes.labels, modes)
    real = shapes.images, shapes.labels
    verdicts.append(metrics.diversity(few, shapes.labels, *real, shapes.num_classes))

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
style = {"color": plots.COLOURS["fake"], "marker": plots.MARKERS["fake"], "ls": "none", "ms": 4}
for modes, verdict in zip(kept, verdicts, strict=True):
    axes.plot([modes] * shapes.num_classes, verdict.generated.mean, alpha=0.6, **style)
axes.axhline(verdicts[0].threshold, color="black", ls=":", label="least varied real class")
axes.set_xscale("log", base=2)
axes.set_xticks(kept, kept)
axes.set(xlabel="different images a class", ylabel="MS-SSIM of random pairs", ylim=(0, 1.03))
axes.legend(frameon=False)
plots.show(
    figure,
    alt="MS-SSIM of ten classes against the number of different images a class: it falls steeply "
    "up to eight and is then nearly flat up to 432; most classes pass from eight on.",
)

header = ("different images a class", "MS-SSIM", "classes that pass", "share of all 432")
cells = [
    (str(m), float(v.generated.mean.mean()), f"{round(10 * v.share)} of 10", m / 432)
    for m, v in zip(kept, verdicts, strict=True)
]
print(metrics.table(header, cells))

# %% [markdown]
# ### Explain
#
# Here most classes pass from eight images on. (With other random images and pairs we have seen it take sixteen.) A random pair of 16
# images is nearly always a pair of *different* images, just as a random pair of 432. Only one pair in sixteen shows
# the same image twice, and that lifts the mean a little: so the laboratory noticed sixteen images, over all classes together.
# The verdict on a class hardly moves, with 96 % of the class lost. MS-SSIM is an **alarm** for classes that fall to one
# image or few. It does not count. Recall and coverage come nearer: the laboratory's sixteen images set them off in every deal.

# %% [markdown]
# ## 6 · Which part is missing?
#
# Coverage says *that* something is missing. It does not say *what*. On rendered images the oracle of lesson 02
# can.
#
# A generator has lost two things. Here are some of its 860 images.
#
# ### Predict
#
# What has it lost? And which of these will show it: class accuracy, recognisable share, share of
# the combinations?

# %%
lossy = exercise.forgetful(shapes)
plots.show(
    plots.real_grid(lossy, rows=4),
    alt="Four images of each of ten shapes, in several places, sizes and shades of grey.",
)

# %% [markdown]
# ### Run

# %%
reading = metrics.oracle_report(lossy.images, lossy.labels, shapes.oracle())
print(f"right class {reading.class_accuracy:.2f}, recognisable {reading.recognisable:.2f}")
print(f"combinations {reading.coverage:.2f}, of a perfect generator {reading.expected_coverage:.2f}")

# %%
print(reading.factor_table(shapes.factor_values))

# %% [markdown]
# ### Explain
#
# Two kinds of loss stand in this table. *Style*: no outline at all. *Size*: small shapes still exist, but are
# rare. Everything else is even, up to luck. Class accuracy and recognisable share saw neither. The share of the
# combinations moved a little, and only a little, because 86 images of a class cannot show many of 432 anyway. **Ask
# where the images are, not only how many kinds there are.**

# %% [markdown]
# ## 7 · Has it memorised?
#
# ### Predict
#
# The laziest generator of all keeps the *training images* and hands them out. Which of our eight metrics will notice?
#
# ### Run

# %% tags=["nbval-ignore-output"]
def steal(ours, n, seed):
    """As many of the training images as a sample has."""
    return ours.split(held_out=n / len(ours), seed=seed)[1]


def caught(ours, its_bench):
    """A thief's column: for each metric, in how many of twenty deals it is outside."""
    found = Counter()
    for seed in range(100, 120):
        few = steal(ours, len(its_bench.sample), seed)
        outside = its_bench.outside(its_bench.dealt(seed).measure(few.images, few.labels))
        found.update(outside.items())
    return arrows(found)


columns = [caught(train, bench)]
for split in (1, 2, 3):  # divided into train and unseen in other ways, with a judge each
    ours, others = digits.split(held_out=0.6, seed=split)
    own_judge = metrics.train_classifier(ours, others)
    columns.append(caught(ours, metrics.Bench(ours, others, own_judge)))
header = ("outside in ... of 20 deals", "this split", "split 1", "split 2", "split 3")
print(metrics.table(header, list(zip(bench.floors, *columns, strict=True))))

# %% [markdown]
# Some do, more often than luck (the sixty perfect deals of section 1). Here it is the distance within classes and coverage; when the
# digits are divided into *train* and *unseen* in three other ways, accuracy (too high), the Vendi score and recall (too low). (In our split
# accuracy cannot be too high: its range ends at 1.) The judge has learned these very images, and is surer of them than of new ones. But no metric says
# *theft*. To catch the thief, ask whose images the nearest ones are: is
# the closest *training* image closer, in pixels, than the closest *unseen* one?

# %%
few = steal(train, len(bench.sample), seed=1)
suspects = {
    "perfect generator": bench.sample.images,
    "thief": few.images,
    "thief, all moved down by one pixel": few.images.roll(1, dims=2),
    "thief, all moved right by one pixel": few.images.roll(1, dims=3),
}
for name, images in suspects.items():
    near = metrics.pixel_neighbours(images, train.images, bench.reference.images)
    print(f"{name:<36} nearest is a training image: {near.train_share.value:.2f}")
print(f"{'if the split does not matter':<36} {near.expected:>33.2f}")

# %% [markdown]
# ### Explain
#
# The thief is caught. Moved down by a pixel, it is still suspect; moved to the right, it has nearly got away. This test finds
# copies and near copies, not memory. The kit has two other tests, `metrics.held_out_combinations` and `metrics.latent_recovery`.
# When none of them finds anything, nobody is acquitted.

# %% [markdown]
# ## 8 · Seeds against methods
#
# So far the spread came from *which images* were drawn. There is a second one: train the same method again, with
# another random seed, and you get another generator.
#
# A script of this repository (`benchmarks/conditioning.py`) has trained four methods on the digits, three seeds each, with the
# same network, recipe and 400 steps (λ = 1 where there is one). It measured as many samples of the averaged
# generator as there are held-out images, beside these, with the fifth-nearest neighbour as radius. *Real* is as many
# training images in the generator's place. *Variance* is lesson 02's, within each class and over that of real images.
#
# ### Predict
#
# The first seed of ADC-GAN covers 0.92 of the held-out images, the first seed of projection 0.94. Is
# projection better?
#
# ### Look

# %%
rows = json.loads(Path("../benchmarks/results/conditioning.json").read_text())["rows"]
methods = {"acgan": 1.0, "tacgan": 1.0, "adcgan": 1.0, "projection": None, "real": None}


def seeds(method, metric):
    """The values of one metric: one for each training seed."""
    wanted = {"data": "digits", "steps": 400, "method": method, "weight": methods[method]}
    found = [row for row in rows if wanted.items() <= row.items()]
    return [row[metric] for row in sorted(found, key=lambda row: row["seed"])]


figure, panels = plt.subplots(1, 2, figsize=(9, 2.6), layout="constrained", sharey=True)
for axes, metric in zip(panels, ("coverage", "variance"), strict=True):
    for row, method in enumerate(methods):
        style = {"color": plots.COLOURS[method], "marker": plots.MARKERS[method]}
        axes.plot(seeds(method, metric), [row] * 3, lw=1, ms=8, **style)
    axes.set(xlabel=f"{metric}, one mark a seed", ylim=(4.5, -0.5))
    axes.grid(axis="x", alpha=0.3)
panels[0].set_yticks(range(len(methods)), methods)
plots.show(
    figure,
    alt="Coverage and variance of four methods, three training seeds each, and of real images. In coverage "
    "the ranges of ADC-GAN and projection overlap; in variance those of AC-GAN and projection lie "
    "apart. Real images lie above all.",
)
for metric in ("coverage", "variance"):
    lines = []
    for method in methods:
        values = seeds(method, metric)
        lines.append((method, *values, sum(values) / 3))
    print(metrics.table((metric, "seed 0", "seed 1", "seed 2", "mean"), lines), "\n")

# %% [markdown]
# ### Explain
#
# - **Coverage of ADC-GAN and projection.** By the first seed projection is ahead, by the mean ADC-GAN. The two means
#   differ by 0.01; the three seeds of *either method* by 0.03 and more. With these seeds: **cannot tell.**
# - **Variance of AC-GAN and projection.** Each seed of projection lies above each seed of AC-GAN. That is worth
#   saying; with the number of seeds, because two *equal* methods come apart like this in $2 / \binom{6}{3} =
#   2/20$ of all cases, by luck alone.
# - Look at many metrics and many pairs, and some will come apart by luck. Say how many you looked at. Here: six pairs
#   of methods, two metrics, twelve in all. Five come apart; luck alone would give one or two.
#
# `metrics.compare` does this for your own runs. It also asks that the intervals over samples part. Its verdicts are
# "above" and "cannot tell".

# %% [markdown]
# ## Exercises
#
# ### 1 · Write coverage (medium, 10 minutes)
#
# Each real image has a ball that just reaches its k-th nearest *other* real image. Coverage is the
# share of real images that have a generated image inside their ball. From the distances among real
# images, shape (n, n), and from real to generated ones, shape (n, m), compute it.

# %%
def coverage(among_real, to_generated, k):
    return ...  # your answer


_ = exercise.check_coverage(coverage)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `among_real.sort(dim=1).values` has the distances of each real image in ascending order. What stands in its
# first column?
#
# </details>
#
# <details><summary>Answer</summary>
#
# ```python
# def coverage(among_real, to_generated, k):
#     radius = among_real.sort(dim=1).values[:, k]  # column 0 is the image itself
#     return (to_generated < radius[:, None]).any(dim=1).double().mean()
# ```
#
# With `.any(dim=0)` it would ask each *generated* image, and that is precision.
#
# </details>

# %% [markdown]
# ### 2 · Detective (medium, 10 minutes)
#
# Three sets of images, each with damage, or with none. You see the numbers, not the images. Name what was done:
# "images dropped", "labels mixed", "blurred" or "nothing".

# %% tags=["nbval-ignore-output"]
cases = exercise.three_sets(bench.sample.images, bench.sample.labels)
reports = {name: bench.measure(*case) for name, case in cases.items()}
lines = [
    (name, *(report[name] for report in reports.values()), floor.low, floor.high)
    for name, floor in bench.floors.items()
]
print(metrics.table(("", *reports, "real: lowest", "highest"), lines, decimals=3))

# %%
answers = {"A": ..., "B": ..., "C": ...}  # your answers

_ = exercise.check_detective(answers)

# %% [markdown]
# <details><summary>Hint</summary>
#
# First ask of each set: do its *labels* fit (accuracy)? Then: are single images good (precision)? Then: is something
# gone (recall, coverage)?
#
# </details>
#
# <details><summary>Answer</summary>
#
# A is blurred: precision falls, so the single images are not right, and the Fréchet distance jumps. B has
# mixed labels: everything that ignores labels is like real. C has lost images: precision is even above that of real images, recall and
# coverage are far below.
#
# </details>

# %% [markdown]
# ### 3 · Which is better? (easy, 5 minutes)
#
# Two methods, three seeds each, one metric (more is better). Answer "acgan", "tacgan" or "cannot tell". Write
# down your reason before you run the check.

# %%
precision = {method: seeds(method, "precision") for method in ("acgan", "tacgan")}
for method, values in precision.items():
    print(f"{method:<7}", "  ".join(f"{value:.3f}" for value in values), f"  mean {sum(values) / 3:.3f}")

answer = ...  # your answer

_ = exercise.check_which_is_better(answer, precision)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Which method has the higher mean? Which has the best single seed? Would you bet on the next seed?
#
# </details>
#
# <details><summary>Answer</summary>
#
# Cannot tell. AC-GAN has the higher mean, TAC-GAN the best seed, and the ranges overlap. That is not "they
# are equal": with ten seeds each a difference may show.
#
# </details>

# %% [markdown]
# ## What we saw
#
# - A number needs two neighbours: what perfect images of the same number score, and how far that varies.
# - The Fréchet distance falls as the number of images grows. Compare equal numbers only.
# - Eight metrics give a false alarm more often than not. A finding is far outside, or outside again in a fresh deal.
# - Every metric is blind to something: accuracy to variety, precision to loss, coverage and FID to labels, MS-SSIM
#   to how many. None of them names theft.
# - Training seeds are a spread of their own. Where ranges overlap, the answer is "cannot tell".

# %% [markdown]
# ## Questions
#
# <details><summary>A paper reports FID 14.1 with 5,000 images, another 12.3 with 50,000. Which is better?</summary>
#
# They do not compare: other numbers of images, and perhaps another reference. The first would be smaller with 50,000; by
# how much, only measuring tells.
#
# </details>
#
# <details><summary>Your generator has a higher precision than real images. Good news?</summary>
#
# Look at recall and coverage. A generator that stays in the middle of each class, where real images are dense,
# beats real images in precision and loses the rest.
#
# </details>
#
# <details><summary>Which two metrics would you take if you could have only two?</summary>
#
# One that knows the label, and one that sees what is missing: accuracy and coverage, say. What both miss together: a blur of 0.4 pixels. Try it in the
# laboratory.
#
# </details>
#
# <details><summary>Is "cannot tell" the same as "no difference"?</summary>
#
# No. It speaks of the evidence, not of the methods. More seeds may tell.
#
# </details>

# %% [markdown]
# ## References
#
# - Heusel et al.: *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*,
#   NeurIPS 2017, arXiv:1706.08500: the Fréchet inception distance.
# - Chong, Forsyth: *Effectively Unbiased FID and Inception Score and Where to Find Them*, CVPR 2020,
#   arXiv:1911.07023.
# - Bińkowski et al.: *Demystifying MMD GANs*, ICLR 2018, arXiv:1801.01401: the KID.
# - Kynkäänniemi et al.: *Improved Precision and Recall Metric for Assessing Generative Models*, NeurIPS 2019,
#   arXiv:1904.06991.
# - Naeem et al.: *Reliable Fidelity and Diversity Metrics for Generative Models*, ICML 2020,
#   arXiv:2002.09797: density, coverage.
# - Friedman, Dieng: *The Vendi Score*, TMLR 2023, arXiv:2210.02410.
# - Odena, Olah, Shlens: *Conditional Image Synthesis with Auxiliary Classifier GANs*, ICML 2017,
#   arXiv:1610.09585: MS-SSIM as a measure of variety (section 4.2).
# - Lucic et al.: *Are GANs Created Equal? A Large-Scale Study*, NeurIPS 2018, arXiv:1711.10337: seeds and budgets
#   against methods.
