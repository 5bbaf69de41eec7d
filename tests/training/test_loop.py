"""The loop: what it writes and when, how it ends, what it leaves alone."""

import json
import random
import shutil
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

import cgan_kit as kit
from cgan_kit.training import loop
from cgan_kit.training.loop import choose_folder, describe_progress, spread_checkpoints


def run_to_end(training: kit.Training) -> kit.Run:
    for _ in training:
        pass
    return training.run


def test_checkpoints_are_closer_together_early_and_hold_both_ends():
    assert spread_checkpoints(4, 160) == [0, 10, 40, 90, 160]
    assert spread_checkpoints(12, 3) == [0, 1, 2, 3]
    assert spread_checkpoints([5, 2], 9) == [0, 2, 5, 9]
    for many in (100, 10**30):
        assert spread_checkpoints(many, 50) == list(range(51))
    gaps = np.diff(spread_checkpoints(12, 1000))
    assert len(gaps) == 12
    assert (np.diff(gaps) >= -1).all()


@pytest.mark.parametrize("where", ["terminal", "notebook", "file"])
def test_the_bar_moves_for_who_looks_and_does_not_fill_a_log(monkeypatch, where):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    if where == "notebook":
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: where == "terminal"))
    assert loop.seconds_between_bars() == (30 if where == "file" else 0.1)


def test_a_run_writes_config_history_and_checkpoints(make_training):
    training = make_training(steps=9, checkpoints=[4], log_every=2)
    run = run_to_end(training)
    assert run.steps == [0, 4, 9]
    assert [record["step"] for record in run.history()] == [1, 2, 4, 6, 8, 9]
    wanted = {"d_loss", "g_loss", "d_adversarial", "d_conditioning", "g_adversarial"}
    wanted |= {"g_conditioning", "penalty", "score_real", "score_fake"}
    wanted |= {"accuracy_real", "accuracy_fake"}
    assert all(wanted <= set(record) for record in run.history())
    assert not list(training.folder.rglob("*.partial"))
    assert run.config["training"]["recipe"]["batch_size"] == 8
    assert run.config["data"]["class_names"] == ["a", "b", "c"]


def test_every_step_is_handed_out_and_those_logged_with_their_losses(make_training):
    records = list(make_training(steps=5, log_every=4))
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5]
    assert ["d_loss" in record for record in records] == [True, False, False, True, True]


def test_nothing_is_written_before_the_first_step(make_training, tmp_path):
    training = make_training()
    assert list(tmp_path.iterdir()) == []
    next(iter(training))
    assert (tmp_path / "run" / "config.json").is_file()


def test_two_runs_with_the_same_seeds_are_the_same_to_the_bit(make_training, same):
    one, two = run_to_end(make_training("one")), run_to_end(make_training("two"))
    for step in one.steps:
        same(one.tensors(step), two.tensors(step))
    assert one.history() == two.history()
    other = run_to_end(make_training("other", seed=4))
    assert not torch.equal(
        other.tensors()["generator.project.weight"], one.tensors()["generator.project.weight"]
    )


def test_training_leaves_every_global_generator_as_it_was(make_training, tmp_path, data):
    def states():
        return torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002

    torch.manual_seed(11)
    training = make_training(recipe=kit.Recipe(batch_size=8, penalty=kit.losses.WGANGP()))
    before = states()
    run = run_to_end(training)
    run.generator()
    kit.Training.resume(run.folder, steps=9, data=data)
    for was, now in zip(before, states(), strict=True):
        assert str(was) == str(now)
        if isinstance(was, torch.Tensor):
            assert torch.equal(was, now)


def test_training_does_not_depend_on_the_global_generator(make_training, same):
    torch.manual_seed(1)
    one = run_to_end(make_training("one"))
    torch.manual_seed(2)
    same(one.tensors(), run_to_end(make_training("two")).tensors())


def test_the_first_checkpoint_is_the_gan_before_training(make_training, make_gan):
    run = run_to_end(make_training())
    fresh = make_gan().generator.state_dict()
    for part in ("generator", "averaged"):
        for key, value in fresh.items():
            assert torch.equal(run.tensors(0)[f"{part}.{key}"], value)


def test_checkpoints_of_one_run_differ_and_the_last_is_the_gan_in_memory(make_training):
    training = make_training()
    run = run_to_end(training)
    for part in ("generator", "discriminator", "conditioning"):
        for key, value in getattr(training.gan, part).state_dict().items():
            assert torch.equal(run.tensors()[f"{part}.{key}"], value)
    weights = [run.tensors(step)["averaged.project.weight"] for step in run.steps]
    assert all(not torch.equal(a, b) for a, b in zip(weights, weights[1:]))  # noqa: B905, RUF007


def test_the_average_follows_the_generator_step_by_step(make_training):
    recipe = kit.Recipe(batch_size=8, ema_decay=0.6)
    training = make_training(recipe=recipe)
    expected = training.gan.generator.project.weight.detach().clone()
    for record in training:
        decay = min(0.6, record["step"] / (record["step"] + 10))
        expected = decay * expected + (1 - decay) * training.gan.generator.project.weight.detach()
        assert torch.allclose(training.averaged.project.weight, expected, atol=1e-6)


def leave_by_break(training):
    for record in training:
        if record["step"] == 3:
            break


def leave_by_stop(training):
    for record in training:
        if record["step"] == 3:
            training.stop()


def leave_by_error(training):
    with pytest.raises(LookupError):
        fail_at_three(training)


def fail_at_three(training):
    for record in training:
        if record["step"] == 3:
            raise LookupError


def leave_by_closing(training):
    records = iter(training)
    for _ in range(3):
        next(records)
    records.close()


@pytest.mark.parametrize(
    "leave",
    [leave_by_break, leave_by_stop, leave_by_error, leave_by_closing],
    ids=lambda f: f.__name__,
)
def test_leaving_early_saves_the_step_in_which_it_was_left(make_training, leave):
    training = make_training()
    leave(training)
    assert training.step == 3
    run = training.run
    assert run.steps == [0, 2, 3]
    assert int(run.state()["step"]) == 3
    assert [record["step"] for record in run.history()] == [1, 2, 3]
    assert torch.equal(
        run.tensors()["generator.project.weight"], training.gan.generator.project.weight
    )


def test_an_error_in_the_body_saves_even_while_somebody_keeps_the_traceback(make_training):
    training = make_training()
    with pytest.raises(LookupError) as kept:
        kit.training.finish(FailsAtThree(training))
    assert kept.value.__traceback__ is not None
    assert int(training.run.state()["step"]) == 3


class FailsAtThree:
    """A training whose consumer fails: what `finish` iterates."""

    def __init__(self, training):
        self.training, self.steps, self.step = training, training.steps, 0
        self.recipe, self.device = training.recipe, training.device

    def __iter__(self):
        records = iter(self.training)
        try:
            for record in records:
                yield record
                if record["step"] == 3:
                    raise LookupError
        finally:
            records.close()


def test_a_training_left_early_goes_on_when_iterated_again(make_training, same):
    whole = run_to_end(make_training("whole"))
    training = make_training("parts")
    leave_by_break(training)
    leave_by_break(training)
    run = run_to_end(training)
    same(run.tensors(), whole.tensors())
    assert run.history() == whole.history()


def test_a_step_that_fails_half_way_is_not_saved(make_training, monkeypatch):
    training = make_training()
    leave_by_break(training)
    saved = training.run.state()

    def fail():
        raise RuntimeError("out of memory")

    monkeypatch.setattr(training.players.generator_optimiser, "step", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        run_to_end(training)
    assert training.run.steps == [0, 2, 3]
    now = training.run.state()
    assert all(torch.equal(saved[key], now[key]) for key in saved)


class Norms:
    """A probe: the norm of the features' weight."""

    def __init__(self, every):
        self.every, self.called = every, []

    def __call__(self, players, step):
        self.called.append(step)
        return {"norm": players.gan.conditioning.classifier.weight.norm().item()}


def test_probes_are_called_every_so_many_steps_and_what_they_see_is_recorded(make_training, same):
    probe = Norms(every=3)
    training = make_training("with", steps=8, log_every=4, probes=[probe])
    run = run_to_end(training)
    assert probe.called == [3, 6]
    seen = {record["step"]: record["norm"] for record in run.history() if "norm" in record}
    assert sorted(seen) == [3, 6]
    assert [record["step"] for record in run.history()] == [1, 3, 4, 6, 8]
    same(run.tensors(), run_to_end(make_training("without")).tensors())


class Says:
    """A probe that returns what it was made with."""

    every = 3

    def __init__(self, said):
        self.said = said

    def __call__(self, players, step):
        return self.said


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (None, r"probe Says returned None; give a dict of name -> number, \{\} where"),
        ([("norm", 1.0)], r"probe Says returned \[.*; give a dict"),
        ({"norm": torch.tensor(1.0)}, r"returned a Tensor as 'norm'; give a number: .*\.item\(\)"),
        ({"norm": "1"}, "returned a str as 'norm'; give a number"),
        ({"step": 7}, "the name 'step', which the record has already .*, such as 'mine/step'"),
        ({"d_loss": 0.5}, "the name 'd_loss', which the record has already"),
        ({"score_real": 0.5}, "the name 'score_real', which the record has already"),
        ({3: 0.5}, "the name 3, .*; give a text"),
    ],
)
def test_what_a_probe_may_not_return_is_told_where_it_was_returned(make_training, said, message):
    training = make_training(probes=[Says(said)], log_every=3)
    with pytest.raises(ValueError, match=message):
        run_to_end(training)
    assert int(training.run.state()["step"]) == 3
    assert [record["step"] for record in training.run.history()] == [1]


def test_a_probe_may_not_pass_for_a_logged_step_nor_take_another_probes_name(make_training):
    with pytest.raises(ValueError, match="the name 'd_loss'"):
        run_to_end(make_training(probes=[Says({"d_loss": 0.5})], log_every=8))
    with pytest.raises(ValueError, match="the name 'norm'"):
        run_to_end(make_training("two", probes=[Says({"norm": 1}), Says({"norm": 2})]))


def test_numbers_of_numpy_are_as_good_as_pythons(make_training):
    run = run_to_end(make_training(probes=[Says({"a": np.float32(0.5), "b": np.int64(2), "c": 3})]))
    assert {"a": 0.5, "b": 2, "c": 3}.items() <= run.history()[2].items()


def test_a_probe_that_fails_does_not_cost_the_step(make_training):
    class Broken:
        every = 3

        def __call__(self, players, step):
            raise LookupError

    training = make_training(probes=[Broken()])
    with pytest.raises(LookupError):
        run_to_end(training)
    assert int(training.run.state()["step"]) == 3


def test_more_turns_of_the_discriminator_use_more_batches(make_training):
    training = make_training(recipe=kit.Recipe(batch_size=8, discriminator_steps=2))
    next(iter(training))
    assert training.players.batches.position == 24


def test_a_run_moved_to_another_folder_opens(make_training, tmp_path):
    run = run_to_end(make_training())
    latents, labels = kit.models.draw_latents(4, 3), torch.tensor([0, 1, 2, 0])
    before = run.sample(latents, labels)
    moved = shutil.move(run.folder, tmp_path / "elsewhere")
    run = kit.Run(moved)
    assert torch.equal(run.sample(latents, labels), before)
    assert str(tmp_path) not in (run.folder / "config.json").read_text()


def test_without_a_folder_runs_are_numbered(data, make_gan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = kit.Recipe(batch_size=8)
    names = []
    for _ in range(2):
        run = kit.train(make_gan(), data, steps=1, recipe=recipe, precision=kit.Precision())
        names.append(str(run.folder))
    assert names == ["runs/custom-acgan-001", "runs/custom-acgan-002"]


def test_two_trainings_set_up_together_do_not_share_a_folder(data, make_gan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe, precision = kit.Recipe(batch_size=8), kit.Precision()
    trainings = [
        kit.Training(make_gan(), data, steps=2, recipe=recipe, precision=precision, seed=seed)
        for seed in (0, 1)
    ]
    one, two = (run_to_end(training) for training in trainings)
    assert one.folder != two.folder
    assert one.config["training"]["seed"] == 0
    assert two.config["training"]["seed"] == 1


def test_a_folder_taken_since_is_refused_before_anything_is_written(make_training):
    one, two = make_training(), make_training()
    run = run_to_end(one)
    kept = (run.folder / "config.json").read_bytes(), run.history()
    with pytest.raises(ValueError, match="holds a run already"):
        run_to_end(two)
    assert ((run.folder / "config.json").read_bytes(), run.history()) == kept


def test_an_empty_folder_that_exists_is_used(tmp_path, make_gan, data):
    assert choose_folder(tmp_path, make_gan(), data) == tmp_path


def test_train_prints_what_it_picked_and_ends_with_the_run(data, make_gan, tmp_path, capsys):
    run = kit.train(
        make_gan(),
        data,
        steps=2,
        recipe=kit.Recipe(batch_size=8),
        folder=tmp_path / "run",
        device="cpu",
    )
    assert run.steps[-1] == 2
    assert repr(run) == "Run: ACGAN on custom, 2 steps"
    said = capsys.readouterr().out
    assert said.startswith("Fastest here: ")
    assert str(kit.Precision(**run.config["training"]["precision"])) in said


def test_points_train_and_sample(tmp_path):
    points = kit.data.load("gaussians", samples=64, seed=1)
    gan = kit.GAN.for_points(points, kit.losses.Projection(), width=8)
    run = kit.train(
        gan,
        points,
        steps=3,
        recipe=kit.Recipe(batch_size=16),
        folder=tmp_path / "run",
        precision=kit.Precision(),
    )
    samples = run.sample(kit.models.draw_latents(5, run.latent_dim), torch.arange(5))
    assert samples.shape == (5, 2)
    assert samples.dtype == torch.float32
    assert run.config["data"]["kind"] == "points"
    assert len(kit.Run(run.folder).load_data()) == 64


def test_history_lines_are_whole_json(make_training):
    run = run_to_end(make_training())
    lines = (run.folder / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 9))


def test_progress_counts_the_real_images_of_all_turns(make_training, monkeypatch):
    training = make_training(recipe=kit.Recipe(batch_size=8, discriminator_steps=5))
    record = {"d_loss": 1.23456, "g_loss": -2.0}
    said = describe_progress(training, record, pace=50.0)
    assert said == {"D": "1.235", "G": "-2.000", "images/s": "2,000"}
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**29)
    training.device = torch.device("cuda")
    assert describe_progress(training, record, pace=50.0) == said | {"GiB": "1.5"}


def test_the_bar_tells_the_pace_since_the_losses_were_last_read(make_training, monkeypatch):
    now, told = [100.0], []
    monkeypatch.setattr(kit.training.loop.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(
        kit.training.loop, "describe_progress", lambda _, record, pace: told.append(pace) or {}
    )

    class Clock:
        every = 1

        def __call__(self, players, step):
            now[0] += 1.0 if step <= 4 else 0.25
            return {}

    kit.training.finish(make_training(log_every=4, probes=[Clock()]))
    assert told == [1.0, 1.0, 4.0]  # read at steps 1, 4 and 8
