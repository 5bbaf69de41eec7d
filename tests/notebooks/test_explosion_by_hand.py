"""What lesson 03 says of the laboratory's runs holds in the file of runs."""

import json
from pathlib import Path

LABORATORY = Path(__file__).parents[2] / "benchmarks/explosion"
WEAK = {"game": "wasserstein", "gamma": None, "learning_rate": 0.02, "noise": 0.5}
EARLY, LATE = 0, 1


def rows(**changes):
    base = {
        **{"method": "acgan", "options": {}, "intervention": "", "spectral_norm": False},
        **{"layout": "ring", "classes": 8, "deviation": None, "noise": 0.0},
        **{"game": "relativistic", "gamma": 0.05, "learning_rate": 0.002, "batch_size": 64},
        **{"width": 64, "depth": 2, "steps": 600},
    }
    stored = json.loads((LABORATORY / "points.json").read_text(encoding="utf-8"))["rows"]
    return [row for row in stored if row["setting"] == base | changes]


def late(quantity, **changes):
    return [row[quantity][LATE] for row in rows(**changes)]


def test_features_explode_without_a_classifier():
    for step in (50, 100, 200, 300):
        lengths = late("norm", **WEAK, intervention=f"no class loss at {step}")
        assert len(lengths) == 10
        assert sum(length > 15 for length in lengths) >= 8
    lengths = late("norm", **WEAK, method="none")
    assert sum(length > 15 for length in lengths) == 9
    assert len(lengths) == len(late("norm", **WEAK)) == 10


def test_the_same_gradient_goes_with_other_samples():
    def error(method):
        return [row["w1"] for row in rows(classes=32, method=method)]

    def gradient(method):
        return late("head_gradient", classes=32, method=method)

    for method in ("adcgan", "tacgan"):
        assert min(gradient(method)) > 0.8 * min(gradient("acgan"))
        assert max(error(method)) < 0.35 * min(error("acgan"))
    for method in ("acgan-normalised", "reacgan"):
        assert max(gradient(method)) < 0.4 * min(gradient("acgan"))
        assert min(error(method)) > min(error("acgan"))


def test_no_gradient_doubles_in_the_bounded_game_but_among_crowded_classes():
    hinge = {"game": "hinge", "gamma": None}
    weights = [{"options": {"weight": weight}} for weight in (0.1, 10.0, 100.0)]
    rates = [hinge | {"learning_rate": rate} for rate in (0.002, 0.01, 0.03)]
    spectral = hinge | {"spectral_norm": True}
    for changes in ({}, *weights, {"classes": 2}, *rates, spectral):
        for row in rows(**changes):
            assert row["head_gradient"][LATE] < 1.65 * row["head_gradient"][EARLY]
            assert row["p"][LATE] > 0.65
    for row in rows(classes=32):
        assert 1.9 < row["head_gradient"][LATE] / row["head_gradient"][EARLY] < 2.6


def test_what_d2d_ce_does_in_the_linear_game_and_apart():
    for method, seeds in (("reacgan", 4), ("reacgan-reference", 5)):
        found = rows(**WEAK, method=method)
        assert len(found) == 5
        assert sum(row["norm"][LATE] < 5 for row in found) == seeds
        assert sum(row["w1"] < 0.8 for row in found) == seeds
    places = {  # eight classes apart: how many seeds of six have each in its place
        **{"acgan": 6, "acgan-normalised": 5, "acgan-normalised-features": 2},
        **{"reacgan": 3, "contragan": 0},
    }
    for method, seeds in places.items():
        right = late("accuracy", method=method)
        assert len(right) == 6
        assert sum(share == 1 for share in right) == seeds


def test_on_points_it_is_the_fakes_that_lengthen_the_features():
    def long(**changes):
        lengths = late("norm", **WEAK | changes)
        return sum(length > 15 for length in lengths), len(lengths)

    real_only = {"options": {"real_only": True}}
    for method, fakes in (
        ("acgan", (10, 10)), ("acgan-normalised-features", (4, 5)), ("acgan-normalised", (5, 5))
    ):  # fmt: skip
        assert long(method=method) == fakes
        assert long(method=method, **real_only) == (0, 5)
        assert min(late("accuracy", **WEAK, method=method, **real_only)) == 1
    assert long(method="reacgan", intervention="fakes too") == (5, 5)
    assert long(method="reacgan") == (1, 5)
    assert long(noise=0.0) == (3, 3)
    assert long(noise=0.0, **real_only) == (0, 5)
    assert long(layout="sphere", **real_only) == (3, 5)
    assert long(layout="sphere", method="acgan-normalised", **real_only) == (0, 5)


def on_glyphs(**changes):
    """Rows of images.json in the bounded game, three seeds."""
    base = {
        **{"data": "glyphs", "data_options": {"classes": 10}, "method": "acgan", "options": {}},
        **{"game": "relativistic", "gamma": 0.05, "learning_rate": 0.002, "batch_size": 64},
        **{"spectral_norm": False, "pooling": "flat", "width": 32, "steps": 600, "size": 16},
    }
    stored = json.loads((LABORATORY / "images.json").read_text(encoding="utf-8"))["rows"]
    found = [row for row in stored if row["setting"] == base | changes]
    assert len(found) == 3
    return found


def test_many_classes_on_images():
    few = max(row["head_gradient"][EARLY] for row in on_glyphs())
    for classes in (50, 100, 200):
        many = {"data_options": {"classes": classes}}
        for row in on_glyphs(**many):
            early, late, _ = row["head_gradient"]
            assert early > few
            assert late < early
        for method in ("acgan", "acgan-normalised", "reacgan"):
            assert max(row["recall"] for row in on_glyphs(**many, method=method)) < 0.05
        assert min(row["recall"] for row in on_glyphs(**many, method="projection")) > 0.6


def test_stronger_penalties_on_images():
    fifty = {"data_options": {"classes": 50}}
    for method in ("acgan", "acgan-normalised", "reacgan"):
        usual, stronger = (
            [row["recall"] for row in on_glyphs(**fifty, method=method, gamma=gamma)]
            for gamma in (0.05, 1.0)
        )
        assert max(usual) < min(stronger)
        assert max(stronger) < 0.3
    for size, gamma, low, high in ((16, 1.0, 0.9, 1.0), (32, 0.05, 0.0, 0.05), (32, 0.2, 0.5, 1.0)):
        for row in on_glyphs(**fifty, method="projection", size=size, gamma=gamma):
            assert low <= row["recall"] <= high


def test_fifty_glyphs_after_3000_steps():
    def after(quantity, method, at=None):
        found = on_glyphs(data_options={"classes": 50}, method=method, steps=3000)
        return [row[quantity] if at is None else row[quantity][at] for row in found]

    variance = "within-class pixel variance"
    for method in ("acgan", "none"):
        assert max(after(variance, method)) < 0.01
        assert max(after("recall", method)) < 0.01
    early, late = (after("head_gradient", "acgan", at) for at in (EARLY, LATE))
    assert all(after < before for before, after in zip(early, late, strict=True))
    assert min(after("p", "acgan", LATE)) > 0.98
    assert max(after("class accuracy (oracle)", "acgan")) < 0.85
    for method in ("reacgan", "acgan-normalised"):
        assert sum(found < 0.01 for found in after(variance, method)) == 2
        assert 0.4 < max(after(variance, method)) < 0.5
    assert min(after("class accuracy (oracle)", "reacgan")) > 0.99
    assert min(after(variance, "projection")) > 0.85
    assert 0.6 < min(after(variance, "adcgan")) <= max(after(variance, "adcgan")) < 0.75
    largest = min(after("head_gradient", "adcgan", LATE))
    for method in ("acgan", "acgan-normalised", "reacgan", "projection"):
        assert max(after("head_gradient", method, LATE)) < largest


def test_real_only_mends_the_wrong_classes_and_not_the_variety():
    fifty = {"data_options": {"classes": 50}}
    real_only = {"options": {"real_only": True}}
    for steps, right, variance in ((600, 0.93, 0.13), (3000, 0.999, 0.02)):
        found = on_glyphs(**fifty, steps=steps, **real_only)
        assert min(row["class accuracy (oracle)"] for row in found) > right
        assert max(row["within-class pixel variance"] for row in found) < variance
        fakes = on_glyphs(**fifty, steps=steps)
        assert max(row["class accuracy (oracle)"] for row in fakes) < 0.85
        gradient = max(row["head_gradient"][LATE] for row in found)
        assert gradient < min(row["head_gradient"][LATE] for row in fakes)


def test_with_200_classes_real_only_is_obeyed_best():
    many = {"data_options": {"classes": 200}}
    right = {
        name: [row["class accuracy (oracle)"] for row in on_glyphs(**many, **changes)]
        for name, changes in {
            "as published": {},
            "real only": {"options": {"real_only": True}},
            "reacgan": {"method": "reacgan"},
        }.items()
    }
    assert max(right["as published"]) < 0.4
    assert min(right["real only"]) > max(right["reacgan"]) > 0.7


def test_10000_steps_of_the_papers_game():
    papers = {"game": "hinge", "gamma": None, "spectral_norm": True, "steps": 10_000}
    for method in ("acgan", "acgan-normalised", "reacgan", "projection", "none"):
        found = on_glyphs(**papers, data_options={"classes": 50}, method=method)
        assert max(row["within-class pixel variance"] for row in found) < 0.01
        if method == "acgan":
            for row in found:
                assert row["head_gradient"][LATE] < 0.6 * row["head_gradient"][EARLY]
                assert row["norm"][LATE] < 1.1 * row["norm"][EARLY]
