from __future__ import annotations

import math

import pytest
import torch

from semipose.draws import Draws
from semipose.errors import UserError
from semipose.methods import METHODS, build_method, needs, options, options_class, switched
from semipose.methods.average import UnbiasedTeacher
from semipose.methods.base import Method, Outcome
from semipose.methods.consistency import Dual, Naive, Single
from semipose.methods.contrast import DenseContrast
from semipose.methods.denoise import DenoiseSelect
from semipose.methods.guarded import Guarded, GuardedDual
from semipose.methods.multiaugs import MultiAugs, MultiAugsDual
from semipose.methods.sspcm import Sspcm
from semipose.methods.supervised import Supervised
from semipose.methods.target import Labeled
from semipose.methods.teach import CHANGES, confident
from semipose.options import sources
from tests.fixtures.tiny import CODEC, K, Tiny, gradients, labeled, norm, view

RESPONSES = {"response/labeled", "response/teacher", "response/student", "response/background"}

AVERAGES = ("mean_teacher", "eman", "pose_mum_plus")
SINGLES = ("single", "undetached", *AVERAGES, "mum", "pose_mum", "pseudopose", "datadistill")
UNLABELED = {name for name, entry in METHODS.items() if entry.unlabeled}
TAUGHT = UNLABELED - {"dense_contrast"}
TWO = {"supervised_a", "supervised_b", "unsupervised_a", "unsupervised_b"}


def made(name: str, **settings: object) -> Method:
    """The trained teacher, where one is needed, is the last network."""
    entry = needs(name)
    config = options(name, **({"teacher": "runs/trained"} if entry.teacher else {}), **settings)
    return build_method(config, [Tiny(seed) for seed in range(entry.networks + entry.teacher)], CODEC)


def step(method: Method, key: int = 0) -> Outcome:
    return method(labeled(), view(4, 5), Draws(key, 1))


@pytest.mark.parametrize(
    ("name", "kind", "losses"),
    [
        ("supervised", Supervised, {"supervised"}),
        ("naive", Naive, {"supervised", "unsupervised"}),
        *((name, Single, {"supervised", "unsupervised"}) for name in SINGLES),
        ("unbiased_teacher", UnbiasedTeacher, {"supervised", "unsupervised"}),
        ("dual", Dual, TWO),
        ("denoise_select", DenoiseSelect, TWO),
        ("dense_contrast", DenseContrast, {"supervised", "unsupervised"}),
        ("guarded", Guarded, {"supervised", "unsupervised", "twin"}),
        ("guarded_dual", GuardedDual, {*TWO, "twin"}),
        ("multiaugs", MultiAugs, {"supervised", "unsupervised"}),
        ("multiaugs_dual", MultiAugsDual, TWO),
        ("sspcm", Sspcm, {*TWO, "supervised_c", "unsupervised_c"}),
    ],
)
def test_each_method_takes_a_step(name, kind, losses) -> None:
    method = made(name)
    outcome = step(method)
    assert type(method) is kind and set(outcome.losses) == losses
    assert set(outcome.measures) == (RESPONSES if name in TAUGHT else {"response/labeled"})
    assert all(v.ndim == 0 and v.isfinite() for v in (*outcome.losses.values(), *outcome.measures.values()))
    assert not any(v.requires_grad for v in outcome.measures.values())
    assert outcome.total.item() == pytest.approx(sum(v.item() for v in outcome.losses.values()))
    for net in method.students:
        assert norm(gradients(outcome.total, net)) > 0
    method.after_step()


@pytest.mark.parametrize("name", METHODS)
def test_a_step_repeats_by_its_key(name) -> None:
    first, same, other = (step(made(name), key).total.item() for key in (0, 0, 1))
    assert first == same != other


@pytest.mark.parametrize("name", METHODS)
def test_no_weight_is_saved_twice(name) -> None:
    """A teacher that is the student is no submodule; one with weights of its own is, and they do not learn."""
    method = made(name)
    expected = {f"students.{i}.{key}" for i, net in enumerate(method.students) for key in net.state_dict()}
    if name in (*AVERAGES, "unbiased_teacher", "pseudopose", "datadistill"):
        expected |= {f"teacher.net.{key}" for key in Tiny().state_dict()}
    twins = [method.twin] if needs(name).twins else []
    expected |= {f"twin.{key}" for net in twins for key in net.state_dict()}
    if name == "sspcm":
        expected |= {f"last.{i}.net.{key}" for i in (0, 1) for key in Tiny().state_dict()}
        expected |= {f"last.{i}._extra_state" for i in (0, 1)}
    assert set(method.state_dict()) == expected
    learning = [p for p in method.parameters() if p.requires_grad]
    assert len(learning) == sum(len(list(net.parameters())) for net in (*method.students, *twins))


@pytest.mark.parametrize("name", METHODS)
def test_unlabelled_joints_do_not_reach_the_loss(name) -> None:
    known = labeled()
    hidden, lost = known.keypoints.clone(), known.keypoints.clone()
    hidden[:2, 1, 2], hidden[3, :, 2] = 0, 0
    lost[:2, 1], lost[3] = float("nan"), float("nan")
    losses = [made(name)(Labeled(known.view, points), view(4, 5), Draws(0, 1)).total for points in (hidden, lost)]
    assert losses[0].isfinite() and losses[0].item() == losses[1].item()
    nothing = made(name)(Labeled(known.view, torch.full((4, K, 3), float("nan"))), view(4, 5), Draws(0, 1))
    assert (
        nothing.total.isfinite() and sum(v.item() for k, v in nothing.losses.items() if k.startswith("supervised")) == 0
    )


@pytest.mark.parametrize("name", sorted(UNLABELED))
def test_weight_scales_the_unsupervised_loss_alone(name) -> None:
    one, three = step(made(name, weight=1.0)).losses, step(made(name, weight=3.0)).losses
    for key in one:
        assert three[key].item() == pytest.approx(one[key].item() * (3 if key.startswith("unsupervised") else 1))


@pytest.mark.parametrize("name", METHODS)
def test_labels_alone_teach_as_in_a_whole_step(name) -> None:
    """Without unlabelled images, as in a burn-in: the supervised losses of the whole step, and no other pass."""
    share = {"share": 0.5} if name in ("dual", "denoise_select") else {}
    method = made(name, **share)
    found, whole = method(labeled(), None, Draws(0, 1)), step(made(name, **share))
    assert found.losses.pop("twin", torch.zeros(())) == 0  # a twin begins where labels alone no longer teach
    assert set(found.losses) == {key for key in whole.losses if key.startswith("supervised")}
    for key, value in found.losses.items():
        assert value.item() == pytest.approx(whole.losses[key].item(), rel=1e-5)
    assert set(found.measures) == {"response/labeled"}
    assert found.measures["response/labeled"].item() == pytest.approx(
        whole.measures["response/labeled"].item(), rel=1e-5
    )
    assert all(len(net.shown) == 1 for net in method.students)


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("supervised", (4,)),
        ("naive", (4, 4, 4)),
        ("single", (4, 4, 4)),
        ("undetached", (4, 4, 4)),
        ("mean_teacher", (4, 4)),
        ("pseudopose", (4, 4)),
        ("datadistill", (4, 4)),
        ("unbiased_teacher", (4, 4)),
        ("dense_contrast", (4, 4, 4)),
        ("dual", (4, 4, 4)),
        ("denoise_select", (4, 12, 4, 4)),
        ("multiaugs", (4,) * 6),
        ("multiaugs_dual", (4,) * 6),
    ],
)
def test_passes_of_each_network(name, passes) -> None:
    """Supervised one forward; the others also the student's view, and the teacher's where they teach."""
    method = made(name)
    step(method)
    for net in method.students:
        assert tuple(len(image) for image in net.shown) == passes


@pytest.mark.parametrize("name", sorted(TAUGHT - {"naive", "undetached"}))
def test_teach_reaches_every_taught_method(name, monkeypatch) -> None:
    """Above a threshold that no peak reaches, nothing is taught."""
    monkeypatch.setitem(CHANGES, "confident", lambda *_: confident(99))
    found, silent = step(made(name)).losses, step(made(name, teach="confident1")).losses
    for key in found:
        assert silent[key].item() == pytest.approx(0 if key.startswith("unsupervised") else found[key].item())
        assert found[key].item() > 0


def test_mixed_precision_moves_the_views_no_pixel() -> None:
    plain, mixed = made("dual"), made("dual")
    step(plain)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outcome = step(mixed)
    assert outcome.total.isfinite() and outcome.total.dtype == torch.float32
    labels, easy, hard = zip(plain.students[0].shown, mixed.students[0].shown, strict=True)
    for a, b in (labels, easy):
        assert torch.equal(a, b)
    both = (hard[0] != 0) & (hard[1] != 0)
    assert both.float().mean() > 0.2


@pytest.mark.parametrize("key", ["outside", "hard_of", "teach"])
def test_unknown_settings_are_refused(key) -> None:
    config = options("dual", **{key: "sideways"})
    with pytest.raises(UserError, match=f"method.{key} is 'sideways'; it can be "):
        build_method(config, [Tiny(), Tiny(1)], CODEC)


def test_an_unknown_method_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"method.name is 'singel'; it can be supervised, .*; did you mean single\?$"):
        options("singel")


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("dual", "teacher", "method dual has no option teacher, it is one of pseudopose, datadistill; did you mean"),
        ("single", "margin", "method single has no option margin, it is one of denoise_select; single reads easy, "),
        (
            "supervised",
            "hard",
            "method supervised has no option hard, it is one of single, .*; supervised reads easy, labeled, .*$",
        ),
        ("single", "wieght", r"method single has no option wieght; did you mean method.weight\?"),
    ],
)
def test_an_option_of_another_method_is_refused_with_the_nearest_right_one(name, key, message) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        options(name, **{key: 1})


@pytest.mark.parametrize("name", METHODS)
def test_every_option_says_where_it_is_from(name) -> None:
    origins = sources(options_class(name))
    assert [key for key, origin in origins.items() if not origin] == ["name"]


def test_another_method_keeps_what_it_reads() -> None:
    given = options("denoise_select", easy="affine10", hard="affine20", margin=0.5, share=0.5)
    assert switched(given, "dual") == options("dual", easy="affine10", hard="affine20", share=0.5)
    assert switched(given, "supervised") == options("supervised", easy="affine10")


def test_another_method_keeps_its_own_defaults() -> None:
    assert switched(options("denoise_select"), "dual") == options("dual")
    assert switched(options("mum", easy="affine10"), "supervised") == options("supervised", easy="affine10")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "pseudopose"}, "method pseudopose needs a trained teacher: set method.teacher"),
        ({"name": "eman", "decay": 1.5}, "method.decay is 1.5; it can be 0 "),
        ({"name": "denoise_select", "views": 0}, "method.views is 0; it can be 1 "),
        ({"name": "denoise_select", "margin": math.nan}, "method.margin is nan; it is a number"),
        ({"name": "dual", "weight": math.inf}, "method.weight is inf; it can be 0 or more"),
        ({"name": "dual", "share": -0.5}, "method.share is -0.5; it can be 0 or more"),
        ({"name": "dual", "burn_in": 2.0}, "method.burn_in is 2; it is a part"),
        ({"name": "mum", "mix_tiles": [4]}, r"method.mix_tiles is \[4\]; give two numbers"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message) -> None:
    config = options(**settings)
    with pytest.raises(UserError, match=message):
        build_method(config, [Tiny(), Tiny(1)], CODEC)
