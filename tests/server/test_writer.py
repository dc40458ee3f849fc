"""The writer of examples speaks to our own server as to any other."""

from goldsmith.datasets import openai_writer, write_examples
from goldsmith.project import DatasetSettings

CHUNK = {"id": "c-1", "parent": "c-1", "text": "The mill stands by the river. It grinds rye."}


def test_our_own_server_may_write(address, client):
    (model, *_) = [one.id for one in client.models.list()]
    writer = openai_writer(f"{address}/v1", model, seed=3)
    settings = DatasetSettings(validation=0.0)
    kept, refused = write_examples([CHUNK], writer, model, settings, 0)
    assert kept == []  # random weights quote nothing
    assert {row.reason for row in refused} <= {"is not JSON", "has no question and answer"}
    messages = [{"role": "user", "content": "Say something."}]
    assert writer(messages) == writer(messages) != ""
