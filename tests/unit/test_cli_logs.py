"""Lines of logs: those of flows as people read them, those of a host for people and programs."""

import io
import json
import logging

import pytest

from tieline.cli.log_lines import LineBuffer, parse_line, render_line
from tieline.cli.logs import REMOVED, JsonFormatter, TextFormatter, set_up_logs


def text_of(line):
    """A rendered line without its time, which depends on where the machine is."""
    return render_line(line)[8:].removeprefix("  ")


def test_line_has_time_message_and_fields():
    line = {
        "at": "2026-05-04T12:00:05.5+00:00",
        "stream": "log",
        "message": "a",
        "fields": {"b": 1},
    }
    assert text_of(line) == "a  b=1"
    assert render_line(line)[2:3] == ":"


def test_facts_beside_the_message_are_shown_as_well():
    line = {"message": "a", "c": "x", "d": {"e": None}}
    assert render_line(line) == '--:--:--  a  c=x d={"e": null}'


def test_level_and_standard_error_are_marked():
    assert text_of({"message": "a", "level": "WARNING"}) == "WARNING  a"
    assert text_of({"message": "a", "stream": "stderr"}) == "stderr  a"
    assert text_of({"message": "a", "stream": "stdout"}) == "a"


def test_line_that_was_cut_says_so():
    assert text_of({"message": "a", "is_cut": True}) == "a (cut)"


def test_message_of_several_lines_cannot_pass_for_several_messages():
    rendered = render_line({"message": "a\n12:00:00  b\x1b[2J"})
    assert rendered == "--:--:--  a\n          12:00:00  b\ufffd[2J"


@pytest.mark.parametrize("text", ["plain", "[1]", '"x"', "{"])
def test_line_that_is_no_object_becomes_a_message(text):
    assert parse_line(text) == {"message": text}


def test_line_in_two_pieces_is_one_line():
    buffer = LineBuffer()
    assert buffer.feed('{"message": "a"}\n{"mess') == [{"message": "a"}]
    assert buffer.feed('age": "b"}\n') == [{"message": "b"}]


def record(message="post received", level=logging.INFO, error=None, **extra):
    made = logging.LogRecord("tieline.x", level, "x.py", 1, message, (), error)
    vars(made).update(extra)
    return made


def test_json_line_has_the_facts():
    made = record(action="post_received", link="factory", duration_ms=1.5)
    line = json.loads(JsonFormatter().format(made))
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "tieline.x",
        "message": "post received",
        "action": "post_received",
        "link": "factory",
        "duration_ms": 1.5,
    }


def failure():
    try:
        raise ValueError("it broke")
    except ValueError as error:
        return (type(error), error, error.__traceback__)


def test_json_line_stays_one_line_with_a_traceback():
    text = JsonFormatter().format(record(error=failure()))
    assert "\n" not in text
    assert "it broke" in json.loads(text)["error"]


def test_text_line_has_the_facts():
    text = TextFormatter().format(record(action="post_received", link="factory"))
    assert text[8:] == " INFO    post received  link=factory"
    assert "it broke" in TextFormatter().format(record(error=failure()))


SECRETS = [
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    "tieline_01a204f0-dcd0-7cde-8f5e-7cf949ca1168_Oj2XPw9R5-kppMHH_ouRP1g3",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_secret_never_gets_into_a_line(formatter, secret):
    for made in (record(f"got {secret}"), record(detail=secret)):
        text = formatter.format(made)
        assert REMOVED in text
        assert "MIIE" not in text
        assert "Oj2X" not in text


@pytest.fixture
def loggers():
    root, ours = logging.getLogger(), logging.getLogger("tieline")
    before = (root.handlers, root.level, ours.level)
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.usefixtures("loggers")
def test_terminal_gets_words_and_a_pipe_gets_json():
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        set_up_logs("INFO", stream)
        logging.getLogger("tieline.x").info("post received", extra={"action": "post_received"})
    assert json.loads(pipe.getvalue())["action"] == "post_received"
    assert " INFO    post received" in terminal.getvalue()


@pytest.mark.usefixtures("loggers")
def test_level_is_of_our_lines_and_libraries_are_heard_from_warnings_on():
    stream = io.StringIO()
    set_up_logs("DEBUG", stream)
    logging.getLogger("tieline.x").debug("ours")
    logging.getLogger("library").info("theirs")
    logging.getLogger("library").warning("warned")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [
        "ours",
        "warned",
    ]
