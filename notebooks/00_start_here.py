# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
#
# *In three minutes you will know that your machine is ready, what the kit can do, and where to go.*

# %% [markdown]
# ## What this course is about
#
# A **generative adversarial network** learns to draw by a game: a generator makes images from noise, a discriminator
# tries to tell them from real ones. A **class-conditional** GAN draws what you ask for: a seven, a star.
#
# You will watch one learn, give it class labels, see what goes wrong with them, find out why, and mend it.
# Everything runs on a laptop with two cores, without a GPU and without a network.
#
# ## How a lesson works
#
# **Predict → run → look → explain.** Before each experiment the lesson asks for your guess. Write it down; a wrong guess
# teaches more than a right one that you never made. Then run the cell (Shift + Enter), look, and compare.

# %% [markdown]
# ## 1 · Is this machine ready?

# %%
import sys

import torch

import cgan_kit as kit

print("Python 3.10 or newer:", sys.version_info >= (3, 10))
print("cGAN Kit imported:   ", kit.__name__ == "cgan_kit")

# %% tags=["nbval-ignore-output"]
print(f"Python {sys.version.split()[0]}, PyTorch {torch.__version__}")
gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none, and none is needed"
print(f"GPU: {gpu}")
print(f"Processor threads that PyTorch uses: {torch.get_num_threads()}")

# %% [markdown]
# ## 2 · What works offline?
#
# Four sets of data come with the kit: real handwriting, and three that are computed. Your own images work as well:
# `kit.data.load("folder:PATH")` reads one class from each sub-folder of PATH.

# %%
for name in ("digits", "shapes", "glyphs", "gaussians"):
    print(kit.data.load(name))

# %% [markdown]
# The sets of torchvision (MNIST, FashionMNIST, KMNIST, EMNIST letters, CIFAR-10 and CIFAR-100) are
# downloaded when you first ask for one, for instance with `kit.data.load("mnist")`.
#
# ## 3 · Half a minute of training
#
# Real handwriting, a small GAN, 100 steps. Before it starts, the kit tries a few steps in each number format and
# memory layout, and picks the fastest for this machine. It says which.

# %% tags=["nbval-ignore-output"]
digits = kit.data.load("digits", size=16)
gan = kit.GAN.for_images(digits, conditioning=kit.losses.Projection())
run = kit.train(gan, digits, steps=100)

# %% [markdown]
# Below is the picture of this course: **each row is one noise vector $z$, each column is one class**, and the slider moves through
# the training. Move it.

# %% tags=["nbval-ignore-output"]
kit.widgets.ClassGrid(run, rows=4)

# %%
kit.plots.show(
    kit.plots.class_grid(run, rows=4),
    alt="Class grid after 100 steps: four noise vectors down, the digits 0 to 9 across.",
)

# %% [markdown]
# A hundred steps are few: some digits are still blurred. How good does it get, and how would you measure that? Go on.
#
# ## The map
#
# | lesson | what you do | minutes to run |
# |---|---|---|
# | **00 Start here** | you are here | 1 |
# | [**02 AC-GAN**](02_acgan.ipynb) | give a GAN labels; read a class grid; measure obedience, clarity, variety | 3 |
# | [**03 Gradient explosion**](03_gradient_explosion.ipynb) | make AC-GAN's classifier explode; tell cause from companion; find a second disease | 2 |
# | [**04 ReACGAN**](04_reacgan.ipynb) | write the D2D-CE loss in five steps; push points around a circle with it; what it cures | 2 |
# | [**05 Measuring**](05_measuring.ipynb) | break real images on purpose; see which metric notices, and when to say "cannot tell" | 2 |
#
# A lesson on the plain GAN (01) is being written; its number is kept free.
#
# Minutes were measured on a machine with two cores and no GPU. Go to [lesson 02](02_acgan.ipynb).
