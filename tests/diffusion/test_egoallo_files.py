"""EgoAllo's checkpoint folders: what is read, what is written, and what is refused in one sentence."""

import random
import shutil
import warnings

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from motiongrpo.base.errors import InputError
from motiongrpo.base.network import layout_of
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import EgoAlloModel, read_egoallo, write_egoallo
from motiongrpo.diffusion.egoallo_config import DEFAULTS, WRITTEN_TAG
from tests.denoisers import EGOALLO, small

VARIANTS = [
    {},
    {"cond_param": "absrel_global_deltas", "include_hand_positions_cond": True, "fourier_enc_freqs": 2},
    {"noise_conditioning": "film", "activation": "relu", "include_hands": True},
    {"positional_encoding": "transformer", "xattn_mode": "kv_from_x_q_from_cond", "dropout_p": 0.25},
]


def model(**changes) -> EgoAlloModel:
    torch.manual_seed(0)
    config = small(**changes)
    return EgoAlloModel(config, Denoiser(config).state_dict())


@pytest.fixture
def folder(tmp_path):
    """A small checkpoint in EgoAllo's layout."""
    write_egoallo(model(), tmp_path, 7)
    return tmp_path


def tensors(folder):
    return load_file(folder / "checkpoints_7/model.safetensors")


def rewrite(folder, changed) -> None:
    save_file(changed, folder / "checkpoints_7/model.safetensors", metadata={"format": "pt"})


def refusal(folder) -> str:
    with pytest.raises(InputError) as caught:
        read_egoallo(folder, mask_self_attention=True)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 900
    return sentence


@pytest.mark.parametrize("changes", VARIANTS)
def test_a_round_trip_is_equal_bit_for_bit(changes, tmp_path):
    ours = model(**changes)
    checkpoint = write_egoallo(ours, tmp_path / "a", 3_000_000)
    again = read_egoallo(checkpoint, mask_self_attention=True)
    assert again.config == ours.config
    assert again.tensors.keys() == ours.tensors.keys()
    assert all(torch.equal(again.tensors[name], tensor) for name, tensor in ours.tensors.items())
    Denoiser(again.config).load_state_dict(again.tensors, strict=True)
    write_egoallo(again, tmp_path / "b", 3_000_000)
    for name in ("model_config.yaml", "checkpoints_3000000/model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_written_configuration_is_egoallos_object_with_its_17_fields(folder):
    first, *rest = (folder / "model_config.yaml").read_text().splitlines()
    assert first == "!!python/object:egoallo.network.EgoDenoiserConfig"
    fields = yaml.safe_load("\n".join(rest))
    assert fields.keys() == DEFAULTS.keys()
    assert len(fields) == 17
    assert fields["max_t"] == 1000
    assert fields["d_latent"] == 16
    assert {type(fields[n]) for n in ("include_hands", "dropout_p", "cond_param")} == {bool, float, str}


def test_the_default_configuration_asks_for_the_222_tensors_of_the_release(tmp_path):
    (tmp_path / "model_config.yaml").write_text(f"{WRITTEN_TAG} {{}}\n")
    save_file({"nothing": torch.zeros(1)}, tmp_path / "model.safetensors")
    assert "lacks tensors that its configuration asks for: 'decoder_layers.0.layernorm1.bias'" in (
        sentence := refusal(tmp_path)
    )
    assert sentence.endswith(f"and {222 - 3} more")
    assert len(layout_of(Denoiser, EGOALLO)) == 222


def test_the_folder_of_an_experiment_and_of_its_checkpoint_are_both_understood(folder):
    above = read_egoallo(folder, mask_self_attention=True)
    below = read_egoallo(folder / "checkpoints_7", mask_self_attention=True)
    shutil.copy(folder / "model_config.yaml", folder / "checkpoints_7")
    (folder / "model_config.yaml").unlink()
    beside = read_egoallo(folder / "checkpoints_7", mask_self_attention=True)
    assert above.config == below.config == beside.config


def test_the_attention_mask_is_the_readers_choice(folder):
    assert not read_egoallo(folder, mask_self_attention=False).config.mask_self_attention


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_prefixes_of_parallel_and_compiled_trainings_are_taken_off(prefix, folder):
    rewrite(folder, {f"{prefix}{name}": tensor for name, tensor in tensors(folder).items()})
    again = read_egoallo(folder, mask_self_attention=True)
    assert again.tensors.keys() == model().tensors.keys()


def test_missing_fields_have_egoallos_defaults_and_unknown_ones_are_named(folder):
    fields = yaml.safe_load((folder / "model_config.yaml").read_text().split("\n", 1)[1])
    kept = {name: value for name, value in fields.items() if value != DEFAULTS[name]}
    text = yaml.safe_dump(kept | {"d_cond": 154, "d_laten": 3})
    (folder / "model_config.yaml").write_text(f"{WRITTEN_TAG}\n{text}")
    with pytest.warns(UserWarning, match="'d_laten' is not known and was not read; did you mean 'd_latent'"):
        again = read_egoallo(folder, mask_self_attention=True)
    assert again.config == model().config


HOSTILE = {
    "object/apply": "!!python/object/apply:os.system ['touch {mark}']",
    "object/new": "!!python/object/new:os.system ['touch {mark}']",
    "name": "d_latent: !!python/name:os.system",
    "module": "d_latent: !!python/module:antigravity",
    "nested": "{tag}\nd_latent: [!!python/object/apply:os.system ['touch {mark}']]",
    "key": "? !!python/object/apply:os.system ['touch {mark}']\n: 3",
    "another class": "!!python/object:egoallo.network.Other\nd_latent: 16",
    "tuple": "d_latent: !!python/tuple [1, 2]",
    "local": "d_latent: !mine 16",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_tag_is_refused_and_runs_nothing(kind, folder, tmp_path_factory):
    mark = tmp_path_factory.mktemp("mark") / "ran"
    text = HOSTILE[kind].replace("{mark}", str(mark)).replace("{tag}", WRITTEN_TAG)
    (folder / "model_config.yaml").write_text(text)
    assert "got '!" in refusal(folder)
    assert not mark.exists()


def test_the_same_tags_do_run_where_yaml_is_read_unsafely(tmp_path):
    """This shows that the attack in the test above works."""
    mark = tmp_path / "ran"
    yaml.load(HOSTILE["object/apply"].replace("{mark}", str(mark)), Loader=yaml.UnsafeLoader)
    assert mark.exists()


BAD_YAML = {
    "": "got nothing",
    "- 1\n- 2": "got '!!seq'",
    "just text": "got '!!str'",
    "a: [": "is not readable as YAML",
    "a: &x [*x]": "only plain values are read, got '!!seq'",
    "\x00": "is not readable as YAML",
    "[" * 30_000: "is not readable as YAML: nested too deeply",
    "a: 1\n---\nb: 2": "is not readable as YAML",
    "x: " + "y" * 70_000: "too many for a model configuration",
    "d_latent: 16.5": "d_latent: input should be a valid integer",
    "d_latent: 1000000000000": "d_latent: input should be less than or equal to 65536",
    "encoder_layers: 99999": "encoder_layers: input should be less than or equal to 256",
    "num_heads: 3": "d_latent must be a multiple of 2 · num_heads, got 512 and 3",
    "activation: swish": "activation: input should be 'gelu' or 'relu'",
    "cond_param: mine": "cond_param: input should be 'ours', 'canonicalized'",
    "dropout_p: .nan": "dropout_p: ",
    "max_t: 500": "max_t must be 1000, the levels of the noise schedule",
}


@pytest.mark.parametrize("text", BAD_YAML, ids=range(len(BAD_YAML)))
def test_a_configuration_that_cannot_be_used_is_one_sentence(text, folder):
    (folder / "model_config.yaml").write_text(text)
    assert BAD_YAML[text] in refusal(folder)


def test_bytes_that_are_no_text_are_one_sentence(folder):
    (folder / "model_config.yaml").write_bytes(b"a: \xff\xfe")
    assert "is not readable as YAML: invalid start byte" in refusal(folder)


def test_what_is_missing_is_named(folder, tmp_path):
    assert "there is no EgoAllo checkpoint in" in refusal(tmp_path / "nowhere")
    (folder / "model_config.yaml").unlink()
    assert "there is no 'model_config.yaml' for" in refusal(folder)


def test_of_several_checkpoints_one_must_be_named(folder):
    write_egoallo(model(), folder, 8)
    assert "name the folder of one: 'checkpoints_7', 'checkpoints_8'" in refusal(folder)
    read_egoallo(folder / "checkpoints_8", mask_self_attention=True)


def test_tensors_that_do_not_belong_are_named(folder):
    good = tensors(folder)
    name = "noise_emb.weight"
    rewrite(folder, {k: v for k, v in good.items() if k != name})
    assert "lacks tensors that its configuration asks for: 'noise_emb.weight'" in refusal(folder)
    rewrite(folder, good | {"more\nlines": torch.zeros(1)})
    assert "does not ask for: 'more\\nlines'" in refusal(folder)
    rewrite(folder, good | {name: good[name][:-1].contiguous()})
    assert "another shape than its configuration asks for: 'noise_emb.weight (999, 8) for" in refusal(folder)
    rewrite(folder, good | {name: good[name].half()})
    assert "must hold float32 tensors, but these are not: 'noise_emb.weight'" in refusal(folder)
    rewrite(folder, good | {name: good[name] * torch.nan})
    assert "is not finite in: 'noise_emb.weight'" in refusal(folder)
    rewrite(folder, good | {f"module.{name}": good[name].clone()})
    assert "holds a tensor twice" in refusal(folder)


def test_rotary_rates_are_checked_to_a_millionth_and_kept(folder):
    name = "encoder_layers.0.rotary_emb.freqs"
    good = tensors(folder)
    rewrite(folder, good | {name: good[name] + 5e-7})
    assert torch.equal(read_egoallo(folder, mask_self_attention=True).tensors[name], good[name] + 5e-7)
    rewrite(folder, good | {name: good[name] + 5e-6})
    assert f"other rates than 1/10000^(2i/features) in: '{name}'" in refusal(folder)


def test_a_truncated_file_is_one_sentence_wherever_it_is_cut(folder):
    path = folder / "checkpoints_7/model.safetensors"
    whole = path.read_bytes()
    for size in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert "is not a whole safetensors file" in refusal(folder)
    path.write_bytes(whole + b"more")
    assert "is not a whole safetensors file" in refusal(folder)


def test_a_fuzzed_safetensors_header_loads_whole_or_is_refused_in_one_sentence(folder):
    path = folder / "checkpoints_7/model.safetensors"
    header = int.from_bytes(path.read_bytes()[:8], "little")
    assert fuzzed(folder, path, 8 + header, b'"{}[],:0F3B') > TRIALS / 2


def test_a_fuzzed_configuration_is_used_or_refused_in_one_sentence(folder):
    path = folder / "model_config.yaml"
    assert fuzzed(folder, path, path.stat().st_size, b"!&*[]{}:-\n") > TRIALS / 2


TRIALS = 100


def fuzzed(folder, path, reach: int, favourites: bytes) -> int:
    """The number of refusals among trials with a few bytes changed; all others must load completely."""
    whole, refused = path.read_bytes(), 0
    for seed in range(TRIALS):
        chance, changed = random.Random(seed), bytearray(whole)
        for _ in range(chance.choice((1, 2, 4, 16))):
            changed[chance.randrange(reach)] = chance.choice((chance.randrange(256), *favourites))
        path.write_bytes(changed)
        refused += not loads(folder)
    return refused


def loads(folder) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            loaded = read_egoallo(folder, mask_self_attention=True)
        except InputError as error:
            sentence = str(error)
        else:
            sentence = ""
    if sentence:
        assert "\n" not in sentence
        return False
    assert {n: tuple(x.shape) for n, x in loaded.tensors.items()} == layout_of(Denoiser, loaded.config)
    return True


def test_a_model_that_is_not_its_configuration_is_not_written(tmp_path):
    ours = model()
    other = EgoAlloModel(small(d_latent=32), ours.tensors)
    with pytest.raises(InputError, match="another shape than its configuration asks for"):
        write_egoallo(other, tmp_path, 1)
    half = EgoAlloModel(ours.config, {name: tensor.double() for name, tensor in ours.tensors.items()})
    with pytest.raises(InputError, match="must be float32"):
        write_egoallo(half, tmp_path, 1)
    assert list(tmp_path.iterdir()) == []
