"""The circle, moved over all its values: forces are the losses' own, and a step follows them."""

import base64
import math

import pytest
import torch
import torch.nn.functional as F

from cgan_kit import losses
from cgan_kit.losses.sphere import on_sphere
from cgan_kit.pictures import from_png
from cgan_kit.widgets import Hypersphere
from cgan_kit.widgets.forces import LOSSES, Dials, angles, directions, forces
from cgan_kit.widgets.hypersphere import (
    IMAGE_ANGLES,
    IMAGE_LATITUDES,
    LENGTHS,
    NEGATIVE_MARGINS,
    POSITIVE_MARGINS,
    PROXY_ANGLES,
    PROXY_LATITUDES,
    RATE,
    TEMPERATURES,
    TILT,
    looked_at,
    shown_length,
)

LABELS = torch.arange(3).repeat_interleave(3)
V = directions(PROXY_ANGLES)
*FOUR, REFERENCE = LOSSES


def plainly(name: str, features: torch.Tensor, v: torch.Tensor, dials: Dials) -> torch.Tensor:
    """Each loss once more, from its formula."""
    f, y = on_sphere(features), LABELS
    tau, m_p, m_n = dials
    if name == "AC-GAN":
        return F.cross_entropy(features @ v.T, y)
    if name == "projection":
        return -(features * v[y]).sum() / 9
    if name == "ContraGAN":
        return losses.conditional_contrastive(f, v, y, tau)
    if name == "D2D-CE":
        return losses.d2d_ce(f, v, y, tau, m_p, m_n)
    return losses.d2d_ce_reference(f, v, y, tau, m_p)


def by_differences(name: str, features: torch.Tensor, dials: Dials) -> torch.Tensor:
    found, step = torch.zeros(9, 2, dtype=torch.float64), 1e-5
    for i in range(9):
        for axis in range(2):
            nudge = torch.zeros(9, 2, dtype=torch.float64)
            nudge[i, axis] = step
            up, down = (
                plainly(name, features.double() + sign * nudge, V.double(), dials)
                for sign in (1, -1)
            )
            found[i, axis] = -9 * (up - down) / (2 * step)
    return found.float()


@pytest.mark.parametrize("length", [0.5, 4.0])
@pytest.mark.parametrize("name", FOUR)
def test_forces_are_minus_n_times_the_slope_at_the_features(name: str, length: float) -> None:
    features, dials = length * directions(IMAGE_ANGLES), Dials(0.3, 0.9, 0.1)
    value, found = forces(name, features, V, LABELS, dials)
    assert value == pytest.approx(float(plainly(name, features, V, dials)), abs=1e-5)
    torch.testing.assert_close(found, by_differences(name, features, dials), atol=2e-3, rtol=1e-3)


def test_the_references_forces_hold_the_maximum_constant() -> None:
    """Its row maximum is outside the gradient, where differences would see it."""
    features, dials = directions(IMAGE_ANGLES).requires_grad_(), Dials(0.3, 0.9, 0.1)
    (slope,) = torch.autograd.grad(plainly(REFERENCE, features, V, dials), features)
    value, found = forces(REFERENCE, features, V, LABELS, dials)
    torch.testing.assert_close(found, -9 * slope)
    assert value == pytest.approx(plainly(REFERENCE, features, V, dials).item())


def test_forces_leave_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    for name in LOSSES:
        forces(name, directions(IMAGE_ANGLES), V, LABELS, Dials())
    assert torch.equal(before, torch.get_rng_state())


def test_on_the_sphere_forces_turn_and_do_not_stretch() -> None:
    f = directions(IMAGE_ANGLES)
    for name, (_, _, normalises) in LOSSES.items():
        short, long = (forces(name, s * f, V, LABELS, Dials())[1] for s in (1, 8))
        along = (short * f).sum(dim=1).abs().max()
        assert (along < 1e-5) == normalises
        if normalises:
            torch.testing.assert_close(long, short / 8)


def test_every_value_of_every_dial_shows_its_own_forces() -> None:
    circle, pictures = Hypersphere(), set()
    dials = {
        "temperature": TEMPERATURES,
        "margin_positive": POSITIVE_MARGINS,
        "margin_negative": NEGATIVE_MARGINS,
    }
    for position, (name, values) in enumerate(dials.items()):
        for value in values:
            getattr(circle, name).value = value
            expected = list(Dials())
            expected[position] = value
            assert circle.dials == Dials(*expected)
            _, right = forces("D2D-CE", circle.features, V, LABELS, Dials(*expected))
            assert torch.equal(circle.forces, right)
            assert ("τ", "m_p", "m_n")[position] + f" = {value:g}" in circle.caption.value
            pictures.add(circle.image.value)
        getattr(circle, name).value = Dials()[position]
    assert len(pictures) >= sum(map(len, dials.values())) - 4  # some margins silence nobody new


@pytest.mark.parametrize(("name", "used"), [(name, each[1]) for name, each in LOSSES.items()])
def test_dials_that_a_loss_does_not_have_are_grey_and_do_nothing(name: str, used: int) -> None:
    circle = Hypersphere(name)
    sliders = (circle.temperature, circle.margin_positive, circle.margin_negative)
    assert [slider.disabled for slider in sliders] == [i >= used for i in range(3)]
    other = list(Dials())
    other[used:] = [0.1, 0.5, 0.5][used:]
    before = forces(name, circle.features, V, LABELS, Dials())[1]
    assert torch.equal(before, forces(name, circle.features, V, LABELS, Dials(*other))[1])


def test_the_angle_turns_the_chosen_point_and_no_other() -> None:
    circle = Hypersphere()
    for row in (0, 5, 10):
        circle.reset.click()
        before = torch.cat([circle.features, circle.proxies])
        circle.point.value = row
        assert torch.equal(torch.cat([circle.features, circle.proxies]), before)
        assert abs(circle.angle.value - (IMAGE_ANGLES + PROXY_ANGLES)[row]) <= 2.5
        circle.angle.value = 170
        after = torch.cat([circle.features, circle.proxies])
        moved = [i for i in range(12) if not torch.equal(before[i], after[i])]
        assert moved == [row]
        torch.testing.assert_close(after[row], directions([170.0])[0])


@pytest.mark.parametrize("length", LENGTHS)
def test_the_length_is_that_of_every_image(length: float) -> None:
    circle = Hypersphere("AC-GAN")
    circle.length.value = length
    torch.testing.assert_close(circle.features, length * directions(IMAGE_ANGLES))
    assert torch.equal(circle.proxies, V)
    circle.angle.value = 170  # of b3, which keeps its length
    assert circle.features[5].norm() == pytest.approx(length)


@pytest.mark.parametrize("name", ["AC-GAN", "D2D-CE"])
def test_a_step_follows_the_forces_and_reset_leads_back(name: str) -> None:
    circle = Hypersphere(name)
    first, picture = circle.features, circle.image.value
    for times in (1, 10):
        circle.reset.click()
        circle.times.value = times
        circle.step.click()
        points = first
        for _ in range(times):
            points = points + RATE * forces(name, points, V, LABELS, Dials())[1]
        assert torch.equal(circle.features, points)
        assert torch.equal(circle.proxies, V)
    assert circle.image.value != picture
    circle.reset.click()
    assert torch.equal(circle.features, first)
    assert circle.image.value == picture


def test_on_the_sphere_both_angles_turn_the_chosen_point_and_no_other() -> None:
    sphere = Hypersphere(dimensions=3)
    starts = list(zip(IMAGE_ANGLES + PROXY_ANGLES, IMAGE_LATITUDES + PROXY_LATITUDES, strict=True))
    for row in (0, 5, 10):
        sphere.reset.click()
        before = torch.cat([sphere.features, sphere.proxies])
        torch.testing.assert_close(before[row], directions(*([each] for each in starts[row]))[0])
        sphere.point.value = row
        around, above = sphere.angle.value, sphere.latitude.value
        assert abs(around - starts[row][0]) <= 2.5
        assert abs(above - starts[row][1]) <= 2.5
        sphere.latitude.value = above + 25
        after = torch.cat([sphere.features, sphere.proxies])
        assert [i for i in range(12) if not torch.equal(before[i], after[i])] == [row]
        torch.testing.assert_close(after[row], directions([around], [above + 25])[0])
        assert angles(after[row]) == pytest.approx((around, above + 25), abs=1e-3)


def test_the_sphere_is_there_when_it_is_asked_for_and_turning_it_moves_nothing() -> None:
    circle = Hypersphere()
    assert circle.latitude.disabled
    assert circle.view.disabled
    first = circle.image.value
    circle.space.value = 3
    assert not circle.latitude.disabled
    assert not circle.view.disabled
    assert circle.features.shape == circle.forces.shape == (9, 3)
    features, pictures = circle.features, set()
    for view in range(0, 360, 45):
        circle.view.value = view
        pictures.add(circle.image.value)
    assert len(pictures) == 8
    assert torch.equal(circle.features, features)
    circle.space.value = 2
    assert circle.image.value == first


def test_looking_at_the_sphere_turns_it_and_keeps_every_length() -> None:
    points = 3 * F.normalize(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    for view in (0, 40, 200):
        flat, towards = looked_at(points, view)
        torch.testing.assert_close(flat.square().sum(1) + towards**2, torch.full((20,), 9.0))
    eye = directions([270.0], [TILT])  # from there it is seen
    flat, towards = looked_at(eye, 0)
    torch.testing.assert_close(flat, torch.zeros(1, 2), atol=1e-6, rtol=0)
    assert towards.item() == pytest.approx(1)
    pole = looked_at(torch.tensor([[0.0, 0.0, 1.0]]), 77)[0][0]
    assert pole[0].item() == pytest.approx(0, abs=1e-6)
    assert pole[1].item() == pytest.approx(math.cos(math.radians(TILT)))


def test_on_the_sphere_the_third_of_b_finds_a_way_round() -> None:
    """On the circle it is shut in: the test below."""
    points = directions(IMAGE_ANGLES, IMAGE_LATITUDES)
    proxies = directions(PROXY_ANGLES, PROXY_LATITUDES)
    for _ in range(1500):
        points = points + RATE * forces("D2D-CE", points, proxies, LABELS, Dials())[1]
    nearest = (on_sphere(points) @ proxies.T).argmax(dim=1)
    assert torch.equal(nearest, LABELS)


def test_the_loss_falls_to_its_floor_when_steps_are_gone() -> None:
    beside = [angle + turn for angle in PROXY_ANGLES for turn in (-5, 0, 5)]
    circle = Hypersphere(image_angles=beside)
    assert circle.value == pytest.approx(math.log(7), abs=1e-5)
    assert "loss 1.95 (its floor is 1.95)" in circle.caption.value
    assert "images without any: 9 of 9" in circle.caption.value


def test_the_third_of_b_is_shut_in_on_the_circle() -> None:
    ends = {}
    for name in ("AC-GAN", "D2D-CE"):
        points = directions(IMAGE_ANGLES)
        for _ in range(600):
            points = points + RATE * forces(name, points, V, LABELS, Dials())[1]
        ends[name] = float(on_sphere(points)[5] @ V[1])
    assert ends["AC-GAN"] > 0.95
    assert ends["D2D-CE"] < -0.9


def test_the_arrows_drawn_are_the_forces_of_all_four_losses() -> None:
    circle = Hypersphere()
    panels = circle.side_by_side().axes
    for axes, name in zip(panels, FOUR, strict=True):
        _, right = forces(name, circle.features, V, LABELS, Dials())
        assert axes.get_title() == f"{name}: forces up to {float(right.norm(dim=1).max()):.2f}"
        arrows = [each for each in axes.collections if hasattr(each, "U")]
        drawn = torch.tensor(
            [[u, v] for each in arrows for u, v in zip(each.U, each.V, strict=True)]
        )
        sizes = right.norm(dim=1, keepdim=True)
        torch.testing.assert_close(drawn.float(), right * shown_length(sizes) / sizes)
        places = torch.tensor([point for each in arrows for point in each.XY.tolist()])
        torch.testing.assert_close(places.float(), circle.features)


def test_a_saved_notebook_keeps_the_current_picture() -> None:
    circle = Hypersphere()
    circle.loss.value = "ContraGAN"
    data, metadata = circle._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == circle.image.value
    assert from_png(circle.image.value).shape[2] == 3
    assert data["text/plain"] == "Hypersphere: 9 images, 3 proxies"
    assert metadata["image/png"]["alt"].startswith("ContraGAN, τ = 0.5: loss ")


def test_no_widget_that_hangs_headless_runs() -> None:
    def kinds(widget):
        yield type(widget).__name__
        for child in getattr(widget, "children", ()):
            yield from kinds(child)

    expected = {"Hypersphere", "HBox", "ToggleButtons", "IntSlider", "SelectionSlider", "Button"}
    assert set(kinds(Hypersphere())) == expected | {"Image", "HTML"}


def test_what_it_is_not_made_for_is_refused() -> None:
    with pytest.raises(ValueError, match="loss is 'GAN'; give one of AC-GAN"):
        Hypersphere("GAN")
    with pytest.raises(ValueError, match="image_angles has 2 entries; give 9"):
        Hypersphere(image_angles=(0, 1))
    with pytest.raises(ValueError, match="dimensions is 4; give 2, a circle, or 3, a sphere"):
        Hypersphere(dimensions=4)
