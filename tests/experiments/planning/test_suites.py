"""Fairness: the arms of every suite differ from its base in the stated fields alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.config import ConfigError, Layer, canonical, dotlist_layer, flatten
from experiments.planning.claims import check_claims, read_claims
from experiments.planning.suite import EXPERIMENTS, load_preset, load_suite, resolve_arm
from tests.experiments.fakes import load_schema

SUITES = sorted(path.name for path in (EXPERIMENTS / "suites").iterdir() if path.is_dir())
PRESETS = sorted(path.stem for path in (EXPERIMENTS / "presets").glob("*.yaml"))
NOTHING = Layer("command line", {})


@pytest.mark.parametrize(
    ("name", "preset"),
    sorted(
        {(name, "cpu") for name in SUITES}
        | {("architectures", one) for one in PRESETS}
        | {("fork_depth", "claims")}
    ),
)
def test_arms_differ_from_their_control_in_the_declared_fields_alone(
    name: str, preset: str
) -> None:
    from experiments.schema import load_schema as real_schema

    suite, schema = load_suite(name), real_schema()
    allowed = (*suite.config.varies, *suite.config.matched)
    configs = {
        arm: dict(flatten(canonical(resolve_arm(schema, suite, load_preset(preset), arm, NOTHING))))
        for arm in suite.arms
    }
    for claim in read_claims(suite.claims):
        ours, theirs = ((configs[one], suite.arms[one].needs) for one in (claim.arm, claim.against))
        assert ours != theirs, claim.id
    control = configs[suite.config.control]
    for arm, values in configs.items():
        for key in values.keys() | control.keys():
            if values.get(key) != control.get(key):
                assert key.startswith(allowed), f"{arm} differs in {key}"


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_states_its_question_and_claims_about_its_own_arms(name: str) -> None:
    suite = load_suite(name)
    assert suite.config.question.endswith("?")
    assert (EXPERIMENTS / "suites" / name / "README.md").exists()
    assert len(suite.arms) <= 9
    claims = read_claims(suite.claims)
    assert suite.config.headline
    check_claims(claims, tuple(suite.arms), suite.config.headline)


@pytest.mark.parametrize("name", SUITES)
def test_an_arm_is_up_to_eight_lines(name: str) -> None:
    for path in (EXPERIMENTS / "suites" / name).glob("*.yaml"):
        if path.stem not in ("base", "claims"):
            assert len(path.read_text().splitlines()) <= 8, path.name


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("fork", "train: {lr: 1.0}", r"fork\.yaml: an arm must differ only in .*, got train\.lr"),
        ("fork", "arm: {neds: {}}", "arm must have the keys needs, inherits, total, got 'neds'"),
        ("fork", "arm: {needs: {it: nobody}}", "arm.needs must name arms, got 'nobody'"),
        ("fork", "arm: {total: nobody}", "arm.total must be an arm, got 'nobody'"),
        ("fork", "model: [", r"suites/toy/fork\.yaml must be valid YAML"),
        ("fork", "- 3", r"suites/toy/fork\.yaml must hold a mapping, got list"),
        ("base", "suite: {control: control, question: q}", "suite must have the known keys"),
        ("base", "suite: {control: who, question: q, varies: []}", "must be an arm, got 'who'"),
        (
            "base",
            "suite: {control: control, question: q, varies: [], match: size}",
            "suite.match must be one of none, active, total, flops, got 'size'",
        ),
        (
            "base",
            "suite: {control: control, question: q, varies: [], steps_share: 0}",
            r"suite\.steps_share must lie in \(0, 1\], got 0",
        ),
    ],
)
def test_a_suite_that_breaks_its_rules_is_refused(
    suites: Path, file: str, text: str, message: str
) -> None:
    if file == "base":
        for path in (suites / "suites/toy").glob("*.yaml"):
            if path.stem not in ("base", "claims"):
                path.write_text("{}")
    (suites / f"suites/toy/{file}.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_suite("toy", suites)


def test_a_preset_with_an_unknown_key_is_refused(suites: Path) -> None:
    (suites / "presets/tiny.yaml").write_text("preset: {stampp: toy}")
    with pytest.raises(ConfigError, match=r"tiny\.yaml: preset must have the keys .*'stampp'"):
        load_preset("tiny", suites)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_it_is_for(name: str) -> None:
    assert load_preset(name).about


def test_an_unknown_suite_preset_or_arm_is_told_what_there_is(suites: Path) -> None:
    with pytest.raises(ConfigError, match="suite must be one of toy, got 'tou'"):
        load_suite("tou", suites)
    with pytest.raises(ConfigError, match="preset must be one of tiny, got 'big'"):
        load_preset("big", suites)
    suite, preset = load_suite("toy", suites), load_preset("tiny", suites)
    with pytest.raises(ConfigError, match=r"arm must be one of control, .* got 'spork'"):
        resolve_arm(load_schema(), suite, preset, "spork", NOTHING)


def test_layers_apply_in_the_order_base_preset_arm_command_line(suites: Path) -> None:
    (suites / "presets/tiny.yaml").write_text("train: {quality: 0.1, lr: 0.1}\nworld: {classes: 7}")
    suite, preset = load_suite("toy", suites), load_preset("tiny", suites)
    override = dotlist_layer(["world.classes=9"])
    made = resolve_arm(load_schema(), suite, preset, "fork", override)
    assert (made.train.lr, made.train.quality, made.world.classes) == (0.1, 0.8, 9)


def test_a_suite_may_shorten_the_training_of_every_arm_alike() -> None:
    from experiments.schema import load_schema as real_schema

    suite, preset = load_suite("interleaved"), load_preset("cpu")
    steps = {
        arm: resolve_arm(real_schema(), suite, preset, arm, NOTHING).train.steps
        for arm in ("shared", "understand_only", "mot")
    }
    share, whole = suite.config.steps_share, preset.layer.values["train"]["steps"]
    assert share < 1
    assert steps == dict.fromkeys(steps, round(share * whole))
    longer = dotlist_layer(["train.steps=7"])
    assert resolve_arm(real_schema(), suite, preset, "mot", longer).train.steps == 7
    nameless = replace(preset, layer=Layer("presets/none.yaml", {}))
    with pytest.raises(ConfigError, match=r"steps_share\): preset cpu must state train\.steps"):
        resolve_arm(real_schema(), suite, nameless, "mot", NOTHING)


def test_a_preset_sizes_one_model_without_touching_the_others(suites: Path) -> None:
    (suites / "presets/tiny.yaml").write_text(
        "preset: {by_model: {fork: {trunk: {depth: 6}, fork_at: 5}}}"
    )
    suite, preset = load_suite("toy", suites), load_preset("tiny", suites)
    fork, control = (
        resolve_arm(load_schema(), suite, preset, arm, NOTHING) for arm in ("fork", "control")
    )
    assert (fork.model.trunk.depth, fork.model.fork_at) == (6, 1)
    assert control.model.trunk.depth == 4


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"arm": "spork"}, "claim one: arm must be one of control, fork, got 'spork'"),
        ({"margin": 0}, "claim one: margin must be a finite number above 0, got 0"),
        ({"margin": float("inf")}, "margin must be a finite number above 0, got inf"),
        ({"margin": float("nan")}, "margin must be a finite number above 0, got nan"),
        ({"margin": "5%"}, "margin must be a finite number above 0, got '5%'"),
        ({"margn": 1}, "claim one: .*unexpected keyword argument 'margn'"),
        ({"metric": "dpg.overall"}, "margin must be given in the points of dpg.overall"),
        ({"metric": "mjhq.fd"}, "margin must be given in the points of mjhq.fd"),
        ({"metric": "geneval.overal"}, "metric must be one of suite.headline .*, got .*overal'"),
        ({"metric": "geneval.overall@world"}, "metric must be a name without protocol, got"),
        ({"metric": ["dpg.overall"]}, "metric must be a name without protocol, got"),
        ({"against": "fork"}, "claim one: against must be another arm, got 'fork'"),
        (
            {"precondition": {"arm": "fork", "against": "fork", "metric": "geneval.overall"}},
            "claim one: against must be another arm, got 'fork'",
        ),
        (
            {"precondition": {"arm": "fork", "against": "control", "metric": "geneval.overal"}},
            "metric must be one of suite.headline .*, got 'geneval.overal'",
        ),
    ],
)
def test_a_claim_that_cannot_be_judged_is_named(claim: dict, message: str) -> None:
    whole = {"id": "one", "text": "t", "arm": "fork", "against": "control"}
    whole["metric"] = "geneval.overall"
    headline = {"generate": ["geneval.overall", "dpg.overall", "mjhq.fd"]}
    check_claims(read_claims([whole]), ("control", "fork"), headline)
    with pytest.raises(ConfigError, match=message):
        check_claims(read_claims([{**whole, **claim}]), ("control", "fork"), headline)
