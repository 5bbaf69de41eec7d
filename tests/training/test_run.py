"""Reading a run back: weights, samples, history, data."""

import json

import numpy as np
import pytest
import torch

import cgan_kit as kit
from cgan_kit.data import to_uint8
from cgan_kit.training.loop import choose_folder


@pytest.fixture
def trained(make_training):
    training = make_training()
    for _ in training:
        pass
    return training


def request(n=6):
    latents = kit.models.draw_latents(n, 3, torch.Generator().manual_seed(0))
    return latents, torch.arange(n) % 3


def test_what_a_run_knows_of_itself(trained):
    run = trained.run
    assert run.class_names == ("a", "b", "c")
    assert run.num_classes == 3
    assert run.latent_dim == 3
    assert run.sample_shape == (1, 8, 8)
    assert run.steps == [0, 2, 8]


def test_the_generator_is_the_averaged_one_ready_to_sample(trained):
    generator = trained.run.generator()
    assert not generator.training
    assert not any(parameter.requires_grad for parameter in generator.parameters())
    latents, labels = request()
    assert torch.equal(generator(latents, labels), trained.averaged(latents, labels))
    plain = trained.gan.generator.eval()(latents, labels)
    assert not torch.equal(generator(latents, labels), plain)


def test_the_whole_gan_is_the_one_that_was_trained(trained):
    gan = trained.run.gan()
    for key, value in trained.gan.state_dict().items():
        assert torch.equal(gan.state_dict()[key], value)
    assert not gan.training


def test_samples_are_the_generators_as_uint8(trained):
    latents, labels = request()
    samples = trained.run.sample(latents, labels)
    assert samples.dtype == torch.uint8
    assert torch.equal(samples, to_uint8(trained.averaged(latents, labels)))
    assert torch.equal(samples, trained.sample(latents, labels))
    assert torch.equal(samples, trained.run.sample(latents, labels, batch_size=2))
    assert not torch.equal(samples, trained.run.sample(latents, labels, step=0))


def test_history_is_empty_before_anything_was_logged(trained):
    (trained.folder / "history.jsonl").unlink()
    assert trained.run.history() == []


def test_files_that_are_no_checkpoints_are_passed_over(trained):
    for name in ("step-000002 (copy).safetensors", "step-abc.safetensors", "step-000004.partial"):
        (trained.folder / "checkpoints" / name).touch()
    assert trained.run.steps == [0, 2, 8]


def test_steps_beyond_six_digits_are_in_order(trained):
    source = trained.folder / "checkpoints" / "step-000008.safetensors"
    for step in (999_999, 1_000_000):
        name = kit.training.files.checkpoint_path(trained.folder, step)
        name.write_bytes(source.read_bytes())
    assert trained.run.steps == [0, 2, 8, 999_999, 1_000_000]


def test_a_run_without_its_state_still_samples(trained):
    (trained.folder / "state.safetensors").unlink()
    assert trained.run.sample(*request()).shape == (6, 1, 8, 8)


@pytest.mark.parametrize("part", [0, 1, None])
def test_data_are_loaded_again_as_they_were(tmp_path, part):
    whole = kit.data.load("digits", size=8)
    data = whole if part is None else whole.split()[part]
    run = kit.train(
        kit.GAN.for_images(data, width=2, latent_dim=3),
        data,
        steps=1,
        recipe=kit.Recipe(batch_size=8),
        folder=tmp_path / "run",
        precision=kit.Precision(),
    )
    assert run.load_data().fingerprint() == data.fingerprint()


@pytest.mark.parametrize("step", [3, "4", 4.0, True, torch.tensor([0, 1])])
def test_a_step_without_a_checkpoint_is_told_those_that_have_one(trained, step):
    with pytest.raises(ValueError, match=r"step is .*; there are checkpoints at \[0, "):
        trained.run.tensors(step)


def test_a_step_may_be_any_whole_number(trained, same):
    last = trained.run.steps[-1]
    for step in (torch.tensor(last), np.int64(last)):
        same(trained.run.tensors(step), trained.run.tensors(last))


@pytest.mark.parametrize("line", [b'{"step": 4, "d_lo\n', b"7\n", b"\0" * 40 + b"\n", b"{}\n"])
def test_a_damaged_line_is_named_with_its_number(trained, data, line):
    path = trained.folder / "history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = line
    path.write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match=r"history\.jsonl, line 4 is damaged \(.*delete that line"):
        trained.run.history()
    with pytest.raises(ValueError, match="line 4 is damaged"):
        kit.Training.resume(trained.folder, data=data, steps=9)
    assert path.read_bytes() == b"".join(lines)


def test_a_home_may_be_meant_by_a_tilde(trained, monkeypatch):
    monkeypatch.setenv("HOME", str(trained.folder.parent))
    assert kit.Run("~/run").folder == trained.folder
    with pytest.raises(ValueError, match="holds a run already"):
        choose_folder("~/run", trained.gan, trained.players.batches.data)


def test_data_that_changed_since_are_noticed(tmp_path):
    data = kit.data.load("digits", size=8)
    run = kit.train(
        kit.GAN.for_images(data, width=2, latent_dim=3),
        data,
        steps=1,
        recipe=kit.Recipe(batch_size=8),
        folder=tmp_path / "run",
        precision=kit.Precision(),
    )
    path = run.folder / "config.json"
    config = json.loads(path.read_text())
    config["data"]["fingerprint"] = "0" * 16
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match="has changed since the run was made"):
        kit.Run(run.folder).load_data()
    message = "the images in 'digits' are not those the run was trained on"
    with pytest.raises(ValueError, match=message):
        kit.Run(run.folder).load_data("digits")
