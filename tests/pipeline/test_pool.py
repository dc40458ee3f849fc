import pytest
from stages import die_once, misbehave, square

from goldsmith.pipeline import Failure, Pool


def test_every_task_gives_its_result():
    with Pool(2, seconds=30, megabytes=500) as pool:
        assert sorted(pool.map(square, ((n, n) for n in range(20)))) == [
            (n, n * n) for n in range(20)
        ]
        assert dict(pool.map(square, [("again", 3)])) == {"again": 9}


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("hang", "time limit"),
        ("swell", "memory limit"),
        ("die", "worker died"),
        ("raise", "error"),
    ],
)
def test_one_bad_task_fails_alone_and_says_why(how, cause):
    with Pool(2, seconds=3, megabytes=300) as pool:
        results = dict(pool.map(misbehave, [(name, name) for name in ("a", how, "b", "c")]))
    failure = results.pop(how)
    assert isinstance(failure, Failure)
    assert failure.cause == cause
    assert results == {"a": "a", "b": "b", "c": "c"}


def test_a_worker_that_died_by_chance_costs_a_second_try_only(tmp_path):
    with Pool(1, seconds=30, megabytes=500) as pool:
        assert dict(pool.map(die_once, [("x", str(tmp_path / "flag"))])) == {"x": "second try"}
