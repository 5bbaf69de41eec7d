import inspect

import pytest

import cgan_kit.data
from cgan_kit.data.places import data_root


def test_names_are_the_promised_ones():
    assert set(cgan_kit.data.names()) == {
        "digits", "shapes", "glyphs", "gaussians",
        "mnist", "fashion-mnist", "kmnist", "emnist-letters", "cifar10", "cifar100",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["digits", "shapes", "glyphs", "gaussians"])
def test_sets_made_offline_can_be_made_again_from_what_they_say(name):
    data = cgan_kit.data.load(name)
    assert data.name == name
    assert cgan_kit.data.load(name, **data.options).fingerprint() == data.fingerprint()
    module = __import__(f"cgan_kit.data.{name}", fromlist=["load"])
    assert set(data.options) == set(inspect.signature(module.load).parameters)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("digit", "did you mean 'digits'"),
        ("Shapes", "did you mean 'shapes'"),
        ("CIFAR-10", "did you mean 'cifar10'"),
        ("fashion_mnist", "did you mean 'fashion-mnist'"),
        ("imagenet", "the kit knows digits, shapes, glyphs, gaussians, mnist"),
        ("", "the kit knows"),
    ],
)
def test_unknown_names_are_told_what_there_is(name, hint):
    with pytest.raises(ValueError, match=f"no data set is called {name!r}") as caught:
        cgan_kit.data.load(name)
    assert hint in str(caught.value)
    assert "folder:PATH" in str(caught.value)


def test_a_bare_path_is_told_how_to_load_a_folder(tmp_path):
    with pytest.raises(ValueError, match=f"did you mean the folder, 'folder:{tmp_path}'"):
        cgan_kit.data.load(str(tmp_path))


def test_a_name_that_is_no_string_is_named(tmp_path):
    with pytest.raises(ValueError, match="give a string: the kit knows digits"):
        cgan_kit.data.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("digits", {"sise": 16}, r"no option 'sise' \(did you mean 'size'\?\); its options are si"),
        ("gaussians", {"std": 1}, "its options are layout, classes, modes, standard_deviation"),
        ("folder:/nowhere", {"path": "x"}, "no option 'path'"),
        ("folder:/nowhere", {"chanels": 1}, "did you mean 'channels'"),
    ],
)
def test_unknown_options_are_told_what_there_is(name, options, message):
    with pytest.raises(ValueError, match=message):
        cgan_kit.data.load(name, **options)


def test_root_goes_first_then_the_environment_then_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("CGAN_KIT_DATA", str(tmp_path / "shared"))
    assert data_root(tmp_path / "mine") == tmp_path / "mine"
    assert data_root() == tmp_path / "shared"
    monkeypatch.delenv("CGAN_KIT_DATA")
    assert data_root().name == "data"
    assert (data_root().parent / "pyproject.toml").is_file()


def test_an_installed_package_uses_the_home_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("CGAN_KIT_DATA", raising=False)
    monkeypatch.setattr(
        "cgan_kit.data.places.__file__", str(tmp_path / "cgan_kit" / "data" / "places.py")
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert data_root() == tmp_path / ".cache" / "cgan_kit"
