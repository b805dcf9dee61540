"""`apigpu keys` as somebody at a terminal meets it, beside a server that runs."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from apigpu_runtime.cli import main
from apigpu_runtime.proxy.access.keys import KeyStore

Capture = pytest.CaptureFixture[str]


def test_a_key_is_made_used_listed_and_ended(tmp_path: Path, capsys: Capture) -> None:
    with closing(KeyStore(tmp_path / "keys.sqlite3")) as server:
        assert main(["keys", "create", "--name", "n8n", "--rate", "60/minute", "--data-dir", str(tmp_path)]) == 0
        told = capsys.readouterr()
        secret = told.out.strip()
        caller = server.verify(secret)
        assert caller is not None
        assert secret not in told.err
        assert main(["keys", "list", "--data-dir", str(tmp_path)]) == 0
        listed = capsys.readouterr().out
        assert caller.key_id in listed
        assert secret[12:] not in listed
        assert main(["keys", "revoke", caller.key_id, "--data-dir", str(tmp_path)]) == 0
        assert server.verify(secret) is None


def test_programs_read_json(tmp_path: Path, capsys: Capture) -> None:
    words = ["--data-dir", str(tmp_path), "--json"]
    assert main(["keys", "create", "--name", "box", "--scope", "worker", "--expires", "12h", *words]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["scope"], made["state"]) == ("worker", "active")
    assert main(["keys", "list", *words]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["items"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}


def test_the_secret_of_webhooks_stays_the_same_and_a_setting_goes_before_it(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["keys", "webhook-secret", "--data-dir", str(tmp_path)]
    found = []
    for _ in range(2):
        assert main(words) == 0
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]
    assert found[0].startswith("whsec_")
    setting = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    monkeypatch.setenv("APIGPU_WEBHOOK_SECRET", setting)
    assert main(words) == 0
    assert capsys.readouterr().out.strip() == setting


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["creat"], "Did you mean 'create'?"),
        (["create"], "--name"),
        (["create", "--name", "x", "--expires", "soon"], "30d"),
        (["create", "--name", "x", "--expires", "0d"], "30d"),
        (["create", "--name", "x", "--rate", "often"], "60/minute"),
        (["create", "--name", "x", "--scope", "admin"], "client or worker"),
        (["create", "--name", ""], "printable"),
        (["revoke", "nobody"], "there is no key"),
        (["revoke"], "id"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(
    tmp_path: Path, capsys: Capture, words: list[str], said: str
) -> None:
    tail = ["--data-dir", str(tmp_path)] if words != ["creat"] else []
    assert main(["keys", *words, *tail]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
    assert told.out == ""


def test_a_secret_of_webhooks_that_is_none_is_refused_by_the_settings_name(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APIGPU_WEBHOOK_SECRET", "hunter2")
    assert main(["keys", "webhook-secret", "--data-dir", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "APIGPU_WEBHOOK_SECRET" in told
    assert "hunter2" not in told


def test_looking_makes_no_folder(tmp_path: Path, capsys: Capture) -> None:
    assert main(["keys", "list", "--data-dir", str(tmp_path / "typo")]) == 0
    assert "There is no key" in capsys.readouterr().out
    assert not (tmp_path / "typo").exists()
