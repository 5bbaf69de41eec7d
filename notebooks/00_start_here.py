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
# *In five minutes you know that your machine is ready, have looked at two GANs through the window that this course
# looks through, and know where to go.*

# %% [markdown]
# ## What you will be able to do
#
# A **generative adversarial network** learns to draw by a game: a generator makes images from noise, a discriminator
# tries to tell them from real ones. A **class-conditional** GAN draws what you ask for: a seven, a star. At the end of
# the course you can
#
# - train one on a laptop, give it class labels, and measure what they cost;
# - read from curves and samples *why* a training went wrong, and tell a cause from its companions;
# - write AC-GAN's loss and ReACGAN's from their equations, and say which trouble each cures and which it leaves;
# - compare two methods, and know when to say "cannot tell".
#
# ## Before you start
#
# You read Python, and have trained a small neural network once. Nothing is downloaded, and no GPU is needed.
#
# **How a lesson works: predict → run → look → explain.** Before each experiment it asks for your guess. Write it
# down; a wrong guess teaches more than a right one that you never made. Then run the cell (Shift + Enter), look,
# compare.

# %% [markdown]
# ## 1 · Is this machine ready?

# %%
import json
import os
import sys
from pathlib import Path

import psutil
import torch

import cgan_kit as kit

print("Python 3.10 or newer:", sys.version_info >= (3, 10))
print("cGAN Kit imported:   ", kit.__name__ == "cgan_kit")

# %% tags=["nbval-ignore-output"]
free = psutil.virtual_memory().available / 2**30
print(f"Python {sys.version.split()[0]}, PyTorch {torch.__version__}")
print(f"Processor cores: {os.cpu_count()}; two are enough")
print(f"Free memory: {free:.0f} GB; a lesson takes one or two")
print(f"GPU: {torch.cuda.get_device_name() if torch.cuda.is_available() else 'none, none needed'}")

# %% [markdown]
# ## 2 · One minute with the class grid
#
# Two GANs learned to draw ten shapes. They have the same networks, and took the same 2,000 steps on the same images;
# only the part that teaches them classes differs, **AC-GAN**'s or **ReACGAN**'s. Training them took minutes, so their
# checkpoints ship with the kit.
#
# ### Predict
#
# Both are given the same noise vector $z$ and asked for each class in turn. What will the ten images of one $z$ have
# in common, and will the two GANs agree on it?
#
# ### Run

# %% tags=["nbval-ignore-output"]
runs = {name: kit.Run(f"../data/runs/shapes/{name}-0") for name in ("acgan", "reacgan")}
pair = {"AC-GAN": runs["acgan"], "ReACGAN": runs["reacgan"]}
shapes = runs["acgan"].load_data()
kit.widgets.ClassGrid(pair, real=shapes, rows=5)

# %% [markdown]
# ### Look
#
# - **Each row is one $z$, each column one class**, in both grids; the last row is real images. Move *Checkpoint* from
#   left to right (the arrow keys do it, too). What is right first: the class, or the drawing? Who is ahead?
# - Choose a cell with *Row* and *Class*. It is shown large, beside the real image that is nearest to it, pixel for
#   pixel.
# - These shapes were rendered, so an **oracle** knows every image that can be: it says what it reads in a sample.
#   Find a cell that it reads as another class, or calls not recognisable.
#
# The same without widgets, after 400 steps and at the end, 2,000:

# %%
kit.plots.show(
    kit.plots.class_grids(pair, 400, real=shapes, rows=3),
    alt="Class grids of AC-GAN and ReACGAN at step 400, three noise vectors down and a row of real shapes.",
)
kit.plots.show(
    kit.plots.class_grids(pair, real=shapes, rows=3),
    alt="The same class grids at the last step, 2,000, over the same row of real shapes.",
)

# %% [markdown]
# ### Explain
#
# A row has much in common, its height in the frame above all: $z$ decides most of what is *not* the class (lesson 02 measures how much). The two
# GANs never met, so to each of them the same $z$ means something else: compare rows within a grid, never across. The class
# comes first: at step 20 most samples are nearest to the right shape already, and the oracle recognises next to none.
#
# Which grid looks clearer to you? Each GAN drew thirty cells of the last picture. So many of them the oracle recognises:

# %%
oracle, latents = shapes.oracle(), kit.grids.fixed_latents(3, runs["acgan"].latent_dim, seed=0)
for name, run in runs.items():
    seen = oracle.read(kit.grids.sample_grid(run.sample, latents, range(10)))
    print(f"{name:8} {int(seen.recognisable.sum())} of 30")

# %% [markdown]
# Is ReACGAN the better method, then? You looked at **one training of each**, and the next one might
# end the other way round. Two more of each ship with the kit. Of 864 samples of the last step, the share that the
# oracle recognises, and the share that is nearest to the class asked for (real images score 1 in both):

# %%
for score in ("recognisable share", "class accuracy (oracle)"):
    print(f"{score}, seeds 0 to 2")
    for name in runs:
        files = [Path(f"../data/runs/shapes/{name}-{seed}/metrics.json") for seed in range(3)]
        print(f"  {name:8}", *(f"{json.loads(file.read_text())[score]:.2f}" for file in files))

# %% [markdown]
# Three trainings are the fewest that this course builds a sentence on. All three of ReACGAN are clearer than all three
# of AC-GAN; nearly all samples of both are nearest to the right class. So ReACGAN is ahead **on these images, after these
# steps, with this weight of AC-GAN's class loss**. Lesson 02 turns that weight, lesson 04 asks again on other images,
# and lesson 05 says when a lead is one.

# %% [markdown]
# ## 3 · The map
#
# | lesson | what you do |
# |---|---|
# | **00 Start here** | you are here |
# | [**01 GAN**](01_gan.ipynb) | the game of two networks, on points and on images without labels |
# | [**02 AC-GAN**](02_acgan.ipynb) | give a GAN labels; read a class grid; measure obedience, clarity, variety |
# | [**03 Does AC-GAN's classifier explode?**](03_gradient_explosion.ipynb) | make it explode; tell cause from companion; find a second disease |
# | [**04 ReACGAN**](04_reacgan.ipynb) | write the D2D-CE loss in five steps; push points around a circle with it; what it cures |
# | [**05 Measuring**](05_measuring.ipynb) | break real images on purpose; see which metric notices |
#
# Read them in this order; each is complete for someone who has read the one before. Minutes to run, as measured on two
# cores without a GPU (reading takes longer):

# %% tags=["nbval-ignore-output"]
measured = Path("../benchmarks/results/lessons.json")
for name, lesson in sorted(json.loads(measured.read_text())["lessons"].items()):
    print(f"{name:24}{lesson['minutes']:4.1f}")

# %% [markdown]
# Your own images work as well: `kit.data.load("folder:PATH")` reads one class from each sub-folder of PATH. On to
# [lesson 01](01_gan.ipynb).
