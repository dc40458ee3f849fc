import pytest

from goldsmith.pipeline import building, fingerprint, is_current, read_manifest


def test_an_artifact_is_there_wholly_or_not_at_all(tmp_path):
    folder = tmp_path / "index"
    with building(folder, "one", rows=3) as temporary:
        (temporary / "data.bin").write_bytes(b"first")
    assert is_current(folder, "one")
    assert read_manifest(folder)["rows"] == 3
    with pytest.raises(ZeroDivisionError), building(folder, "two") as temporary:
        (temporary / "data.bin").write_bytes(bytes(1 // 0))
    assert (folder / "data.bin").read_bytes() == b"first"
    assert is_current(folder, "one")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_newer_artifact_takes_the_place_of_the_older(tmp_path):
    for key in ("one", "two"):
        with building(tmp_path / "model", key) as temporary:
            (temporary / "weights").write_text(key)
    assert (tmp_path / "model" / "weights").read_text() == "two"
    assert not is_current(tmp_path / "model", "one")


def test_a_fingerprint_depends_on_values_not_on_order_of_keys():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
