"""Bytes to text: what files say, what they do not say, and what the request says."""

from __future__ import annotations

import pytest

from apigpu.errors import InputError
from apigpu_caption.charset import decode

SENTENCES = {
    "cp1250": "Nie wiem, co się stało. Żółw idzie drogą.\nDziękuję, że przyszedłeś.",
    "cp1251": "Что ты здесь делаешь?\nЯ не знаю, о чём ты говоришь.",
    "cp1252": "Não sei o que aconteceu. Você está aí?\nO coração não é simples.",
    "cp1253": "Δεν ξέρω τι συνέβη.\nΠού είσαι; Ευχαριστώ πολύ.",
    "cp1254": "Ne olduğunu bilmiyorum.\nTeşekkür ederim, kardeşim.\nBugün hiç iyi değilim, anlıyor musun?",
    "cp1255": "אני לא יודע מה קרה.\nאיפה אתה? תודה רבה.",
    "cp1256": "لا أعرف ماذا حدث.\nأين أنت؟ شكرا جزيلا لك.",
    "cp874": "ฉันไม่รู้ว่าเกิดอะไรขึ้น\nคุณอยู่ที่ไหน ขอบคุณมาก",
    "cp932": "何が起こったのか分かりません。\nどこにいるの？ありがとう。",
    "cp949": "무슨 일이 일어났는지 모르겠어.\n어디에 있어? 고마워.",
    "cp950": "我不知道發生了什麼事。\n你在哪裡？非常感謝你。",
    "gb18030": "我不知道发生了什么事。\n你在哪里？非常感谢你。",
}


def as_srt(text: str) -> str:
    return "\n\n".join(
        f"{number}\n00:00:0{number},000 --> 00:00:0{number},900\n{line}"
        for number, line in enumerate(text.split("\n"), 1)
    )


@pytest.mark.parametrize("encoding", SENTENCES)
def test_a_few_lines_are_enough_to_guess_the_encoding(encoding: str) -> None:
    text = as_srt(SENTENCES[encoding])
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert decoded.guessed


@pytest.mark.parametrize("line", ["Olá, você aí", "Não", "É isso", "Naïve café"])
def test_a_single_line_with_a_few_western_letters_is_cp1252(line: str) -> None:
    assert decode(as_srt(line).encode("cp1252")).text == as_srt(line)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_read_with_and_without_a_mark(encoding: str) -> None:
    text = as_srt("Olá 字幕")
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert not decoded.guessed


def test_marks_inside_and_nuls_are_left_out() -> None:
    assert decode("a\ufeffb\x00c".encode()).text == "abc"


def test_one_broken_byte_does_not_make_utf8_another_encoding() -> None:
    data = as_srt("É a canção do coração, você não está só: é já amanhã à noite, até lá, irmão.").encode() + b"\xe3"
    decoded = decode(data)
    assert (decoded.encoding, decoded.flawed, decoded.guessed) == ("utf-8", True, False)


def test_the_encoding_of_the_request_wins() -> None:
    assert decode("Здравствуй".encode("koi8-r"), "koi8-r").text == "Здравствуй"


def test_an_unknown_encoding_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="windows-1252") as caught:
        decode(b"text", "windows-1225")
    assert (caught.value.code, caught.value.where) == ("unknown_encoding", "encoding")


@pytest.mark.parametrize("name", ["base64", "rot13", "hex", "zlib", "a\x00b", "../utf-8", "idna"])
def test_codecs_that_are_no_text_encodings_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        decode(b"1\n00:00:01,000 --> 00:00:02,000\n\xe3\n", name)


def test_an_encoding_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        decode("Olá".encode("cp1252"), "utf-8")
    assert caught.value.code == "wrong_encoding"
