"""Going on with a run: to the bit, wherever and however it was left."""

import json
from dataclasses import replace

import pytest
import torch

import cgan_kit as kit
from cgan_kit.losses import WGANGP, Concatenation, Projection
from cgan_kit.training.files import write_state
from cgan_kit.training.presets import PRESETS

SETTINGS = {
    "plain": {},
    "channels last": {"precision": kit.Precision(channels_last=True)},
    "bfloat16": {"precision": kit.Precision(bfloat16=True)},
    "WGAN-GP": {"recipe": kit.Recipe(batch_size=8, penalty=WGANGP())},
    "two turns": {"recipe": kit.Recipe(batch_size=8, discriminator_steps=2)},
    "uneven batches": {"recipe": kit.Recipe(batch_size=7, betas=(0.5, 0.9))},
}


def leave_at(training: kit.Training, step: int) -> None:
    for record in training:
        if record["step"] == step:
            break


def to_end(training: kit.Training) -> kit.Run:
    for _ in training:
        pass
    return training.run


@pytest.mark.parametrize("name", SETTINGS)
def test_broken_off_and_resumed_is_the_same_to_the_bit(make_training, data, same, name):
    setting = SETTINGS[name]
    whole = to_end(make_training("whole", **setting))
    leave_at(make_training("parts", **setting), 3)  # between the checkpoints at 2 and 8
    run = to_end(kit.Training.resume(kit.Run(whole.folder.parent / "parts").folder, data=data))
    assert run.steps == [0, 2, 3, 8]
    same(run.tensors(), whole.tensors())
    same(run.state(), whole.state())
    assert run.history() == whole.history()
    assert run.config == whole.config


@pytest.mark.parametrize("options", [{"spectral_norm": True}, {}], ids=["spectral norm", "none"])
@pytest.mark.parametrize("conditioning", [Projection, Concatenation])
def test_power_iterations_and_heads_go_on_too(
    make_training, make_gan, data, same, options, conditioning
):
    def gan():
        return make_gan(conditioning(), **options)

    whole = to_end(make_training("whole", gan=gan()))
    parts = make_training("parts", gan=gan())
    leave_at(parts, 5)
    same(to_end(kit.Training.resume(parts.folder, data=data)).state(), whole.state())


def test_biggan_in_bfloat16_and_channels_last_goes_on_to_the_bit(tmp_path, same):
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8, generator=random)
    images = kit.data.ImageSet(pixels, torch.arange(16) % 3, ["a", "b", "c"])

    def training(name):
        return kit.Training(
            PRESETS["cifar10-reacgan"].gan(images, width=2, latent_dim=8),
            images,
            steps=4,
            recipe=replace(PRESETS["cifar10-reacgan"].recipe, batch_size=4, ema_start=2),
            checkpoints=1,
            folder=tmp_path / name,
            precision=kit.Precision(bfloat16=True, channels_last=True),
            device="cpu",
        )

    whole, parts = to_end(training("whole")), training("parts")
    leave_at(parts, 2)
    run = to_end(kit.Training.resume(parts.folder, data=images))
    same(run.state(), whole.state())
    assert run.history() == whole.history()


def test_resumed_several_times(make_training, data, same):
    whole = to_end(make_training("whole"))
    training = make_training("parts")
    for step in (1, 2, 6):
        leave_at(training, step)
        training = kit.Training.resume(training.folder, data=data)
    same(to_end(training).state(), whole.state())


def test_more_steps_than_planned(make_training, data, same):
    whole = to_end(make_training("whole", steps=12, checkpoints=[2, 8]))
    run = to_end(make_training("parts", checkpoints=[2]))
    longer = to_end(kit.Training.resume(run.folder, steps=12, data=data))
    same(longer.tensors(), whole.tensors())
    assert {0, 2, 8, 12} <= set(longer.steps)
    assert longer.config["training"]["steps"] == 12


def test_fewer_steps_than_planned(make_training, data):
    training = make_training()
    leave_at(training, 3)
    run = to_end(kit.Training.resume(training.folder, steps=5, data=data))
    assert run.steps == [0, 2, 3, 5]


def test_a_finished_run_says_so_and_not_that_its_steps_are_wrong(make_training, data):
    folder = to_end(make_training()).folder
    with pytest.raises(ValueError, match=r"the run is finished: .*8.* more than 8 .*--steps"):
        kit.Training.resume(folder, data=data)
    with pytest.raises(ValueError, match=r"^steps is 7 but the run has done 8 already; give more"):
        kit.Training.resume(folder, steps=7, data=data)


def test_a_data_set_of_the_kit_is_loaded_again_with_its_split(tmp_path, same):
    def training(name):
        part = kit.data.load("digits", size=8).split(held_out=0.3, seed=5)[0]
        return kit.Training(
            kit.GAN.for_images(part, Projection(), width=2, latent_dim=3),
            part,
            steps=4,
            recipe=kit.Recipe(batch_size=8),
            checkpoints=1,
            folder=tmp_path / name,
            precision=kit.Precision(),
        )

    whole = to_end(training("whole"))
    leave_at(training("parts"), 2)
    resumed = kit.Training.resume(tmp_path / "parts")
    assert len(resumed.players.batches.data) == whole.config["data"]["samples"] < 1797
    same(to_end(resumed).state(), whole.state())


@pytest.mark.parametrize("change", ["cut", "of none"])
def test_a_state_whose_optimiser_is_of_another_model_is_refused(make_training, data, change):
    run = to_end(make_training())
    state, key = run.state(), "g_optimiser.0.exp_avg"
    if change == "cut":
        state[key] = state[key][:1]
    else:
        key = "g_optimiser.99.exp_avg"
        state[key] = torch.zeros(1)
    write_state(run.folder, state)
    with pytest.raises(ValueError, match=f"the state's '{key}' is of another model; use"):
        kit.Training.resume(run.folder, steps=9, data=data)


def test_history_written_after_the_last_saved_state_is_taken_back(make_training, data):
    whole = to_end(make_training("whole"))
    training = make_training("parts")
    leave_at(training, 3)
    # A process that was killed at step 5, in the middle of writing a line.
    with (training.folder / "history.jsonl").open("a") as history:
        history.write('{"step": 4, "d_loss": 9.0}\n{"step": 5, "d_lo')
    assert [record["step"] for record in training.run.history()] == [1, 2, 3, 4]
    run = to_end(kit.Training.resume(training.folder, data=data))
    assert run.history() == whole.history()


def test_a_checkpoint_newer_than_the_state_does_not_keep_the_state_from_being_saved(
    make_training, data
):
    training = make_training(checkpoints=[7])
    leave_at(training, 3)
    state = (training.folder / "state.safetensors").read_bytes()
    leave_at(training, 5)
    (training.folder / "state.safetensors").write_bytes(state)  # killed before it was replaced
    resumed = kit.Training.resume(training.folder, data=data)
    assert resumed.step == 3
    leave_at(resumed, 5)
    assert int(resumed.run.state()["step"]) == 5


def test_resuming_writes_nothing_where_it_was_started(make_training, data, tmp_path, monkeypatch):
    training = make_training()
    leave_at(training, 3)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "runs").write_text("a file where new runs would go")
    monkeypatch.chdir(tmp_path / "here")
    assert to_end(kit.Training.resume(training.folder, data=data)).steps[-1] == 8
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["runs"]


def test_the_recipe_and_the_precision_are_those_of_the_run(make_training, data):
    recipe = kit.Recipe(batch_size=6, learning_rate=2e-3, betas=(0.3, 0.8), penalty=WGANGP(4.0))
    precision = kit.Precision(bfloat16=True, channels_last=True)
    training = make_training(recipe=recipe, precision=precision)
    leave_at(training, 3)
    resumed = kit.Training.resume(training.folder, data=data)
    assert resumed.recipe.config() == recipe.config()
    assert resumed.players.precision == precision
    assert resumed.log_every == 1
    group = resumed.players.generator_optimiser.param_groups[0]
    assert (group["lr"], group["betas"]) == (2e-3, (0.3, 0.8))


def test_the_config_is_the_one_that_was_written(make_training, data):
    training = make_training()
    leave_at(training, 3)
    before = json.loads((training.folder / "config.json").read_text())
    to_end(kit.Training.resume(training.folder, data=data))
    assert json.loads((training.folder / "config.json").read_text()) == before


def test_chance_kept_on_another_device_is_refused(make_training, data):
    training = make_training()
    leave_at(training, 3)
    state = training.run.state()
    state["random"] = torch.zeros(16, dtype=torch.uint8)  # as a GPU keeps it
    kit.training.files.write_tensors(training.folder / "state.safetensors", state)
    with pytest.raises(ValueError, match="another kind of device"):
        kit.Training.resume(training.folder, data=data)
