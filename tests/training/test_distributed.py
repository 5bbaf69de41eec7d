"""Several processes do what one does: the same gradients, weights, history and files."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from several_processes import GAMES, METHODS, STEPS, a_run, make_images

import cgan_kit as kit
from cgan_kit.training.distributed import Shard, own_gpu, place, share_batch_statistics

SCRIPT = Path(__file__).with_name("several_processes.py")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals: runs on Linux and macOS")


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    """launch(n) -> (what each of n processes reports, their folder, what they printed)."""

    @functools.cache
    def run(processes):
        folder = tmp_path_factory.mktemp("launched")
        if processes == 2:
            begin(kit.Training(**a_run(), folder=folder / "one"))
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
        process = subprocess.run(
            [sys.executable, *launcher, str(processes), str(SCRIPT), str(folder)],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPT.parents[2])},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert process.returncode == 0, process.stderr[-5000:]
        reports = json.loads((folder / "report.json").read_text())
        assert len(reports) == processes
        return reports, folder, process.stdout

    return run


def begin(training):
    """Four steps by one process."""
    for record in training:
        if record["step"] == 4:
            break


@pytest.fixture(params=[2, 4], ids=["2 processes", "4 processes"])
def launched(request, launch):
    return launch(request.param)


@pytest.fixture
def two(launch):
    """What two processes report of what does not depend on their number."""
    return launch(2)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The run that `launched` trains by several processes, stopped and resumed, by one."""
    return kit.train(**a_run(), folder=tmp_path_factory.mktemp("alone") / "run")


def test_every_gradient_is_that_of_one_process_on_the_whole_batch(launched):
    reports, _, _ = launched
    found = reports[0]["gradients"]
    methods, games = {name.split()[0] for name in found}, {name.split()[1] for name in found}
    assert methods == set(METHODS)
    assert games == {game.name for game in GAMES}
    assert len(games) == 7
    for name, parts in found.items():
        assert set(parts) == {"discriminator", "conditioning", "generator", "reported"}
        for part, (ratio, distance) in parts.items():
            assert ratio == pytest.approx(1, abs=1e-6), (name, part)
            assert distance < 1e-6, (name, part)


def test_two_processes_compare_every_pair_of_method_and_game(two):
    reports, _, _ = two
    assert len(reports[0]["gradients"]) == len(METHODS) * len(GAMES)


def test_weights_after_twenty_steps_are_those_of_one_process(launched):
    reports, _, _ = launched
    trained = reports[0]["trained"]
    assert len(trained) == (4 if len(reports) == 2 else 2)
    for name, (gap,) in trained.items():
        # Biases before batch norms have no gradient but rounding, and Adam makes steps of that.
        assert gap < (1e-8 if name == "BigGAN" else 1e-9), name


def check_same_run(run, alone):
    """In float32, where sums over parts round otherwise than sums over the whole."""
    assert run.config == alone.config
    ours, theirs = run.tensors(STEPS), alone.tensors(STEPS)
    assert ours.keys() == theirs.keys()
    # In the relativistic game the score's bias has no gradient but rounding, and Adam makes
    # steps of that.
    del ours["discriminator.to_score.bias"]
    for name in ours:
        # So it is, at some step, with a single weight of thousands: which one, and whether any,
        # depends on the processor. In float64 there is none: see the test of twenty steps.
        apart = (ours[name] - theirs[name]).abs()
        assert (apart > 1e-5).double().mean() < 1e-3, name
        assert apart.max() < 1e-3, name
    assert len(run.history()) == len(alone.history())
    for our, their in zip(run.history(), alone.history(), strict=True):
        our.pop("score_real"), our.pop("score_fake")  # the same bias
        assert our == pytest.approx({name: their[name] for name in our}, abs=1e-4)


def test_a_run_stopped_and_resumed_is_that_of_one_process(launched, alone):
    reports, folder, _ = launched
    check_same_run(kit.Run(folder / reports[0]["run"]["folder"]), alone)


def test_what_one_process_began_two_go_on_with(two, alone):
    reports, folder, _ = two
    assert [report["one"] for report in reports] == [{"steps": [0, 4, STEPS]}] * 2
    check_same_run(kit.Run(folder / "one"), alone)


def test_what_two_processes_began_one_goes_on_with(two, alone):
    _, folder, _ = two
    training = kit.Training.resume(folder / "runs" / "custom-reacgan-002", data=make_images())
    assert training.step == 5
    check_same_run(kit.training.finish(training), alone)


def test_one_interrupted_process_stops_all_after_the_same_step(launched):
    reports, _, printed = launched
    wanted = {"folder": "runs/custom-reacgan-001", "stopped": 3, "steps": [0, 3, STEPS]}
    assert [report["run"] for report in reports] == [wanted] * len(reports)
    assert printed.count(f"Stopped at step 3 of {STEPS}; everything is saved.") == 1


def test_a_process_that_leaves_its_loop_ends_the_others(two):
    reports, _, _ = two
    assert [report["left"] for report in reports] == [{"step": 5, "saved": 5}] * 2


def test_processes_agree_on_weights_folder_and_precision(two):
    reports, _, printed = two
    first, second = (report["agreement"] for report in reports)
    assert first == second
    assert first["folders"] == ["runs/custom-reacgan-003", "runs/custom-reacgan-004"]
    assert printed.count("Fastest here: ") == 2, "rank 0 alone says it, once a training"


def test_what_is_wrong_is_refused_by_all_and_before_anything_is_written(two):
    reports, _, _ = two
    for report in reports:
        uneven, taken, different = report["refusals"]["told"]
        assert "batch_size is 17" in uneven
        assert "2 processes" in uneven
        assert "such as 18" in uneven
        assert "holds a run already" in taken
        assert "data is not the same in all 2 processes" in different
        assert report["refusals"]["untouched"]


def test_parts_are_consecutive_and_make_up_the_whole():
    batch = torch.arange(12).view(6, 2)
    parts = [Shard(rank, 3).part(batch) for rank in range(3)]
    assert [len(part) for part in parts] == [2, 2, 2]
    assert torch.equal(torch.cat(parts), batch)
    assert Shard().part(batch) is batch


def test_an_uneven_batch_is_refused():
    remedy = r"batch_size is 10, which 4 processes .* multiple of 4, such as 12"
    with pytest.raises(ValueError, match=remedy):
        Shard(0, 4).check_batch(10)
    with pytest.raises(ValueError, match=remedy):
        Shard(3, 4).part(torch.zeros(10, 2))
    Shard(0, 4).check_batch(12)
    Shard().check_batch(7)


def test_alone_nothing_changes(make_gan):
    gan, shard = make_gan(kit.losses.ReACGAN()), Shard()
    before = [type(module) for module in gan.modules()]
    judged = gan.judge(torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0]))
    assert shard.gathered(gan.conditioning, judged) == (judged,)
    assert shard.gathered(gan.conditioning, judged)[0] is judged
    assert [shard.any(flag) for flag in (True, False)] == [True, False]
    shard.share(gan)
    assert [type(module) for module in gan.modules()] == before


def test_shared_batch_norms_keep_their_names_and_evaluate_as_before(make_gan):
    generator = make_gan().generator
    names, classes = list(generator.state_dict()), [type(each) for each in generator.modules()]
    z, y = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    before = generator.eval()(z, y)
    share_batch_statistics(generator, Shard(0, 2))
    assert [type(each) for each in generator.modules()] != classes
    assert list(generator.state_dict()) == names
    assert torch.equal(generator(z, y), before)
    share_batch_statistics(generator, Shard())
    assert [type(each) for each in generator.modules()] == classes


def test_each_process_does_its_part_and_all_get_all_in_order(two):
    reports, _, _ = two
    for report in reports:
        shared = report["shared work"]
        for n, answers in zip((1, 2, 5, 8), shared["answers"], strict=True):
            expected = 2 * torch.arange(2 * n).view(n, 2) + torch.arange(n)[:, None]
            assert answers == expected.tolist()
        assert shared["off"] <= 1, "samples differ by rounding alone"
    assert [report["shared work"]["done"] for report in reports] == [[1, 1, 3, 4], [1, 1, 2, 4]]


def test_the_place_is_what_torchrun_put_down(monkeypatch):
    assert place() == Shard(0, 1)
    monkeypatch.setenv("RANK", "2")
    assert place() == Shard(0, 1)
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert place() == Shard(2, 4)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert own_gpu() == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match=r"LOCAL_RANK is 2.*2 GPUs.*nproc-per-node 2"):
        own_gpu()
