import errno
import io
import json
import sys

import pytest

from vaenhance.cli import console
from vaenhance.errors import VaenhanceError


@pytest.fixture(autouse=True)
def normal_verbosity():
    console.set_quiet(False)
    console.set_verbose(False)
    yield
    console.set_quiet(False)
    console.set_verbose(False)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_words_go_to_stderr_and_the_product_to_stdout(capsys):
    console.message("hello")
    console.error("broken")
    console.product("a.jpg")
    console.json_line({"a": 1})
    out, err = capsys.readouterr()
    assert out == 'a.jpg\n{"a": 1}\n'
    assert err == "hello\nvaenhance: broken\n"


def test_quiet_lets_errors_through_only(capsys):
    console.set_quiet(True)
    console.message("hello")
    console.error("broken")
    assert capsys.readouterr().err == "vaenhance: broken\n"


def test_details_are_for_verbose(capsys):
    console.detail("one")
    console.set_verbose(True)
    console.detail("two")
    assert capsys.readouterr().err == "two\n"


def test_a_file_name_cannot_drive_the_terminal(capsys):
    console.message("a\x1b[2Jb\rc")
    assert capsys.readouterr().err == "a\\x1b[2Jb\\x0dc\n"


def test_a_file_name_that_is_not_unicode_is_printed_and_survives_in_json(capsys):
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    console.product(name)
    console.json_line({"source": name})
    text, line = capsys.readouterr().out.splitlines()
    assert text == "caf\\udce9.jpg"
    assert json.loads(line)["source"] == name


def test_a_name_is_one_line_whatever_it_holds():
    assert (
        console.one_line("a\nb\tc\u2028d \u00fc.png") == "a\\x0ab\\x09c\\u2028d ü.png"
    )


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    console.message("words")
    console.error("words")
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(VaenhanceError, match="No space left on device"):
        console.product("words")


def test_a_closed_pipe_is_for_the_caller_to_judge(monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError):
        console.product("words")


def test_no_bar_and_no_line_for_a_short_run_into_a_log(capsys):
    with console.Progress(10) as progress:
        for _ in range(10):
            progress.advance()
    assert capsys.readouterr().err == ""


def test_a_log_gets_a_plain_line_every_half_minute(capsys):
    clock = Clock()
    with console.Progress(10, clock=clock) as progress:
        progress.start()
        progress.note("3/9 images")
        for _ in range(8):
            clock.now += 10
            progress.advance(1)
    assert capsys.readouterr().err.splitlines() == [
        "3.0 of 10.0 MP, 3/9 images, 30.0 s, about 1 min 10 s left",
        "6.0 of 10.0 MP, 3/9 images, 1 min 00 s, about 40.0 s left",
    ]


def test_quiet_also_silences_the_plain_line(capsys):
    console.set_quiet(True)
    clock = Clock()
    with console.Progress(10, clock=clock) as progress:
        progress.start()
        clock.now = 100
        progress.advance(1)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_and_words_go_around_it(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with console.Progress(4, unit="steps", decimals=0) as progress:
        progress.start()
        progress.advance(2)
        console.message("hello")
        assert "2/4 steps" in screen.getvalue()
        assert "hello\n" in screen.getvalue()
        progress.advance(100)  # retries may count twice: never beyond the total
        assert progress.done == 4
    console.message("after")
    assert screen.getvalue().endswith("after\n")


def test_a_run_of_unknown_size_has_no_bar(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with console.Progress(0) as progress:
        progress.advance(3)
    assert screen.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (3.14, "3.1 s"), (250, "4 min 10 s"), (7500, "2 h 05 min")],
)
def test_durations_are_for_people(seconds, text):
    assert console.duration(seconds) == text


def test_an_input_without_end_is_refused(monkeypatch):
    class Endless:
        given = 0

        def read(self, size):
            self.given += size
            return bytes(size)

    stream = Endless()
    monkeypatch.setattr(console, "MOST_INPUT", 3 << 20)
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": stream}))
    with pytest.raises(VaenhanceError, match="standard input has more than"):
        console.stdin_bytes()
    assert stream.given < 8 << 20


def test_an_input_of_several_pieces_is_whole(monkeypatch):
    data = bytes(range(256)) * 9000
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": io.BytesIO(data)}))
    assert console.stdin_bytes() == data
