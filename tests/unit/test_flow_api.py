"""What flow scripts see, against a workspace that is a table of answers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

import pytest

import flow_api
from flow_api.session import Session
from tieline.flows.frames import Frame
from tieline.flows.messages import End, Start, error_frame, result_frame
from tieline.protocol.states import Status
from tieline.runner.script import run_script

THIS = {"id": "e0", "name": "run", "status": "RUNNING", "flow_name": "main", "output_value": 9}


def view(execution_id: str = "c1", **changes: object) -> dict[str, object]:
    return {"id": execution_id, "name": "n", "status": "ENDED_SUCCESS", **changes}


class Workspace:
    """Answers each call from a table: a value, an exception frame's parts, or a function."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, object]]] = []
        self.lines: list[dict[str, object]] = []
        self.sequences: list[int] = []
        self.ended: list[str] = []

    def exchange(self, sequence: int, frame: Frame) -> Frame:
        self.sequences.append(sequence)
        name, args = frame["name"], frame["args"]
        self.calls.append((name, args))
        answer = self.answers.get(name)
        if isinstance(answer, Callable):
            answer = answer(args)
        if isinstance(answer, tuple):
            return error_frame(sequence, *answer)
        return result_frame(sequence, answer)

    def send(self, frame: Frame) -> None:
        self.lines.append(frame["line"])

    def run(self, body: str, input_value: object = None, head: str = "system, this") -> End:
        text = textwrap.indent(textwrap.dedent(body), "    ")
        return self.run_script(
            f"import flow_api\nfrom datetime import datetime\ndef handler({head}):\n{text}",
            input_value,
        )

    def run_script(self, script: str, input_value: object = None) -> End:
        session = Session(self, dict(THIS))
        start = Start(execution=dict(THIS), script=textwrap.dedent(script), input_value=input_value)
        return run_script(session, start)


def args_of(workspace: Workspace, name: str) -> dict[str, object]:
    return next(args for called, args in workspace.calls if called == name)


# --- how a run ends ---------------------------------------------------------------------------


def test_returning_nothing_is_success_without_output():
    assert Workspace().run("pass") == End(status="ENDED_SUCCESS")


@pytest.mark.parametrize("value", [{"b": 1, "a": 2}, [1], "text", 3, 0.5, True, 0, "", {}])
def test_returned_value_is_the_output(value):
    end = Workspace().run(f"return {value!r}")
    assert (end.status, end.output_value, end.has_output) == ("ENDED_SUCCESS", value, True)


def test_returned_value_does_not_replace_a_saved_output():
    end = Workspace().run("this.save(output_value={'a': 1})\nreturn {'b': 2}")
    assert end.output_value == {"a": 1}


def test_output_of_an_earlier_run_is_not_this_runs():
    end = Workspace().run("this.set_output('k', 1)")
    assert end.output_value == {"k": 1}


@pytest.mark.parametrize(
    ("call", "end"),
    [
        ("this.success('done')", End(status="ENDED_SUCCESS", message="done")),
        ("this.error('bad')", End(status="ENDED_ERROR", code="failed", message="bad")),
        ("this.success()", End(status="ENDED_SUCCESS")),
        ("this.success(12)", End(status="ENDED_SUCCESS", message="12")),
    ],
)
def test_success_and_error_end_the_run(call, end):
    workspace = Workspace()
    assert workspace.run(f"{call}\nthis.sleep(1)") == end
    assert workspace.calls == []


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    this.success('first')\nexcept Exception:\n    pass\nthis.sleep(1)",
        "try:\n    this.success('first')\nexcept BaseException:\n    pass\nthis.sleep(1)",
        "try:\n    this.success('first')\nexcept BaseException:\n    this.error('second')",
        "try:\n    this.success('first')\nexcept BaseException:\n    pass\nthis.error('second')",
        "try:\n    this.success('first')\nfinally:\n    return {'k': 1}",
        "try:\n    this.success('first')\nexcept BaseException:\n    raise ValueError",
    ],
)
def test_swallowed_end_is_the_end_nevertheless(body):
    workspace = Workspace()
    end = workspace.run(body)
    assert (end.status, end.message) == ("ENDED_SUCCESS", "first")
    assert workspace.calls == []


def test_clean_up_may_call_while_the_end_is_on_its_way():
    workspace = Workspace()
    end = workspace.run(
        """
        lock = system.setting('lock').acquire()
        try:
            this.success('done')
        finally:
            lock.release()
        """
    )
    assert end.message == "done"
    assert [name for name, _args in workspace.calls] == ["setting_acquire", "setting_release"]


def test_script_that_swallows_without_end_is_given_up():
    class GivenUpError(BaseException):
        pass

    def give_up() -> None:
        raise GivenUpError

    session = Session(Workspace(), dict(THIS), give_up)
    script = """
    def handler(system, this):
        while True:
            try:
                this.success('x')
            except flow_signals:
                pass
    """
    script = "from flow_api.signals import FlowSignal as flow_signals\n" + textwrap.dedent(script)
    end = run_script(session, Start(execution=dict(THIS), script=script))
    assert end.message == "x"


def test_failed_clean_up_after_the_end_is_logged():
    workspace = Workspace()
    end = workspace.run("try:\n    this.success('x')\nfinally:\n    1 / 0")
    assert end.status == "ENDED_SUCCESS"
    assert "ZeroDivisionError" in workspace.lines[0]["message"]


def test_exception_is_told_with_the_scripts_lines_only():
    end = Workspace().run_script(
        """
        import json

        def parse(text):
            return json.loads(text)  # fails

        def handler(system, this):
            parse('{')
        """
    )
    assert (end.status, end.code) == ("ENDED_ERROR", "failed")
    assert 'File "<flow main>", line 5, in parse' in end.message
    assert "return json.loads(text)  # fails" in end.message
    assert "JSONDecodeError" in end.message
    assert "run_script" not in end.message
    assert "tieline" not in end.message


def test_exception_from_the_flow_api_does_not_show_its_inside():
    end = Workspace().run("this.sleep('x')")
    assert "InvalidInputError: seconds is 'x'" in end.message
    assert "flow_api/" not in end.message


def test_syntax_error_shows_its_place():
    end = Workspace().run_script("def handler(system, this):\n    x = = 1\n")
    assert end.status == "ENDED_ERROR"
    assert "line 2" in end.message
    assert "SyntaxError" in end.message


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("x = 1", "defines no function"),
        ("handler = 3", "is int, not a function"),
        ("def handler(system): pass", r"must take \(system, this\)"),
        ("def handler(a, b, c, d): pass", r"must take \(system, this\)"),
        ("async def handler(system, this): pass", "async"),
    ],
)
def test_missing_or_wrong_handler_is_told_in_one_line(script, message):
    end = Workspace().run_script(script)
    assert (end.status, end.code) == ("ENDED_ERROR", "failed")
    assert "Traceback" not in end.message
    assert re.search(message, end.message)


@pytest.mark.parametrize("head", ["system, this, inputs", "system, this, inputs=None", "*all_of"])
def test_third_argument_is_the_input(head):
    workspace = Workspace()
    name = "all_of[2]" if head == "*all_of" else "inputs"
    assert workspace.run(f"return {{'got': {name}}}", {"b": 1}, head).output_value == {
        "got": {"b": 1}
    }


def test_third_argument_is_an_empty_object_without_input():
    assert Workspace().run("return inputs", None, "system, this, inputs").output_value == {}


def test_recursion_without_end_is_an_error():
    end = Workspace().run_script("def again(): again()\ndef handler(system, this):\n    again()\n")
    assert end.status == "ENDED_ERROR"
    assert "RecursionError" in end.message


def test_leaving_the_interpreter_is_an_error_that_says_the_cure():
    end = Workspace().run("raise SystemExit(3)")
    assert end.status == "ENDED_ERROR"
    assert "SystemExit: 3" in end.message
    assert "this.success()" in end.message


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("return {'rows': [0, {'at': datetime(2020, 1, 1)}]}", "$.rows[1].at is of type datetime"),
        ("return this", "$ is of type RunningExecution"),
        ("this.save(output_value={'at': datetime(2020, 1, 1)})", "$.at is of type datetime"),
        ("this.set_output('at', {1})", "$.at is of type set"),
    ],
)
def test_output_that_is_not_json_is_an_error_that_names_the_path(body, path):
    end = Workspace().run(body)
    assert end.status == "ENDED_ERROR"
    assert path in end.message


def test_very_long_message_is_cut_in_its_middle():
    end = Workspace().run("this.error('a' * 100_000 + 'z')")
    assert len(end.message) < 70_000
    assert end.message.startswith("aaa")
    assert end.message.endswith("z")
    assert "characters cut" in end.message


# --- children ---------------------------------------------------------------------------------


def test_child_runs_and_is_waited_for_by_default():
    workspace = Workspace(start_child=view(output_value={"x": 1}))
    end = workspace.run("return this.flow('child').get('output_value')")
    assert end.output_value == {"x": 1}
    args = args_of(workspace, "start_child")
    assert (args["flow_name"], args["wait"], args["is_held"], args["is_detached"]) == (
        "child",
        "ALL_SUCCEEDED",
        False,
        False,
    )
    assert args["input_value"] is None


def test_every_other_keyword_is_the_childs_input_in_its_order():
    workspace = Workspace(start_child=view())
    workspace.run(
        "this.flow('c', zeta=1, input_value={'m': 1, 'a': 2}, inputs={'k': 3, 'a': 4}, alpha=5,"
        " name='n', max_runtime_minutes=2, protect_inputs=['k'])"
    )
    args = args_of(workspace, "start_child")
    assert list(args["input_value"].items()) == [
        ("m", 1),
        ("a", 4),
        ("k", 3),
        ("zeta", 1),
        ("alpha", 5),
    ]
    assert (args["name"], args["max_runtime_minutes"], args["protect_inputs"]) == ("n", 2, ["k"])


def test_child_behind_a_link_is_a_child_with_the_links_name():
    workspace = Workspace(start_child=view(), cancel=view(status="ENDED_CANCELLED"))
    end = workspace.run(
        "c = this.flow('c', remote_workspace_name='factory', host='m7')\nc.cancel()\n"
        "return c.get('status')"
    )
    args = args_of(workspace, "start_child")
    assert (args["remote_workspace_name"], args["input_value"]) == ("factory", {"host": "m7"})
    assert end.output_value == "ENDED_CANCELLED"


@pytest.mark.parametrize(
    ("options", "held", "detached", "wait"),
    [
        ("run=False", True, False, None),
        ("wait=False", False, True, None),
        ("wait=system.return_when.ALL_ENDED", False, False, "ALL_ENDED"),
        ("init={'run': False}", True, False, None),
    ],
)
def test_run_and_wait_say_how_the_child_starts(options, held, detached, wait):
    workspace = Workspace(start_child=view())
    workspace.run(f"this.flow('c', {options})")
    args = args_of(workspace, "start_child")
    assert (args["is_held"], args["is_detached"], args["wait"]) == (held, detached, wait)


def test_failed_child_raises_with_its_execution():
    failed = view(status="ENDED_ERROR", message="broken")
    workspace = Workspace(start_child=("DependencyFailedError", "c1 failed", failed))
    end = workspace.run(
        """
        try:
            this.flow('c')
        except flow_api.DependencyFailedError as error:
            return [str(error), *error.execution.get('id', 'message')]
        """
    )
    assert end.output_value == ["c1 failed", "c1", "broken"]


def test_execution_methods_give_the_execution_and_its_new_view():
    workspace = Workspace(
        start_child=view(status="PENDING"),
        run_child=view(status="RUNNING"),
        wait=[view(status="ENDED_SUCCESS")],
        load=view(message="fresh"),
    )
    end = workspace.run(
        """
        c = this.flow('c', run=False)
        seen = [c.get('status'), c.run_async().get('status'), c.wait().get('status')]
        return seen + [c.load('message'), list(c.get('id', 'message'))]
        """
    )
    assert end.output_value == ["PENDING", "RUNNING", "ENDED_SUCCESS", "fresh", ["c1", "fresh"]]
    assert args_of(workspace, "run_child") == {"id": "c1", "wait": None}


@pytest.mark.parametrize("when", list(flow_api.ReturnWhen))
def test_wait_for_passes_on_what_to_wait_for(when):
    workspace = Workspace(
        start_child=lambda args: view(args["name"], status="RUNNING"),
        wait=[view("a", status="ENDED_ERROR"), view("b", status="RUNNING")],
    )
    end = workspace.run(
        f"""
        a, b = (this.flow('c', name=n, wait=False) for n in 'ab')
        return [e.id for e in this.wait_for(a, b, return_when=system.return_when.{when}, timeout=5)]
        """
    )
    assert args_of(workspace, "wait") == {"ids": ["a", "b"], "return_when": when, "timeout": 5}
    assert end.output_value == ["a"]


def test_clone_starts_the_same_with_other_inputs():
    workspace = Workspace(start_child=view())
    workspace.run("this.flow('c', a=1, b=2, max_runtime_minutes=7).clone(b=3, wait=False)")
    args = workspace.calls[1][1]
    assert args["input_value"] == {"a": 1, "b": 3}
    assert (args["flow_name"], args["max_runtime_minutes"]) == ("c", 7)
    assert args["is_detached"] is True


def test_clone_of_any_execution_takes_its_flow_and_input():
    workspace = Workspace(load=view("x", flow_name="f", input_value={"a": 1}), start_child=view())
    workspace.run("system.execution('x').clone()")
    args = args_of(workspace, "start_child")
    assert (args["flow_name"], args["input_value"]) == ("f", {"a": 1})


def test_script_child_carries_its_text():
    workspace = Workspace(start_child=view())
    workspace.run("this.script('text', a=1)")
    args = args_of(workspace, "start_child")
    assert (args["flow_name"], args["script"], args["input_value"]) == (None, "text", {"a": 1})


@pytest.mark.parametrize(
    "call",
    [
        "this.flow('')",
        "this.flow('c', at=datetime(2020, 1, 1))",
        "this.flow('c', input_value=[1], a=2)",
        "this.flow('c', wait='NEVER')",
        "this.flow('c', init={'colour': 1})",
        "this.flow('c', max_runtime_minutes=-1)",
        "this.flow('c', not_after=datetime(2020, 1, 1))",
        "this.script('text', remote_workspace_name='factory')",
        "this.wait_for('c1')",
        "this.set_output()",
        "this.set_output(1, 2, 3)",
        "this.get('colour')",
        "this.save(message=1)",
        "system.setting('')",
        "list(system.flows(filter={'field': 'name'}))",
        "system.setting('s', remote_workspace_name='l').acquire()",
        "system.file('f').save_base64_content('?')",
        "system.file('f').save_text_content(b'x')",
    ],
)
def test_argument_that_cannot_be_used_is_an_invalid_input(call):
    workspace = Workspace()
    end = workspace.run(
        f"try:\n    {call}\nexcept flow_api.exceptions.InvalidInputError as e:\n    return 'caught'"
    )
    assert end.output_value == "caught", end.message
    assert workspace.calls == []


# --- this -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ("this.set_output('a', 1)\nthis.set_output('b', 2)", {"a": 1, "b": 2}),
        ("this.set_output(b=1, a=2)", {"b": 1, "a": 2}),
        ("this.set_output([1, 2])", [1, 2]),
        ("this.set_output(None)", None),
    ],
)
def test_set_output_has_three_forms(body, output):
    workspace = Workspace()
    end = workspace.run(body)
    assert (end.output_value, end.has_output) == (output, True)
    assert workspace.calls[-1] == ("save", {"output_value": output})


def test_saved_value_does_not_change_with_the_scripts_own():
    end = Workspace().run("d = {'a': 1}\nthis.save(output_value=d)\nd['a'] = 2")
    assert end.output_value == {"a": 1}


def test_fields_come_alone_or_as_a_tuple():
    end = Workspace().run("return [this.get('id'), list(this.get('name', 'status'))]")
    assert end.output_value == ["e0", ["run", "RUNNING"]]


def test_load_of_this_asks_the_workspace():
    workspace = Workspace(load=view("e0", status="PAUSED"))
    assert workspace.run("return this.load('status')").output_value == "PAUSED"


def test_log_line_is_structured():
    workspace = Workspace()
    workspace.run("this.log('a', 1, {'k': 2}, x=datetime(2020, 1, 1), y=[1])\nthis.log({'z': 1})")
    line, other = workspace.lines
    assert (line["stream"], line["message"]) == ("log", 'a 1 {"k":2}')
    assert line["fields"] == {"x": "datetime.datetime(2020, 1, 1, 0, 0)", "y": [1]}
    assert line["at"].endswith("+00:00")
    assert other["fields"] == {"z": 1}


def test_long_log_line_is_cut_and_marked():
    workspace = Workspace()
    workspace.run("this.log('\\x00' * 200_000, x=1)")
    (line,) = workspace.lines
    assert line["is_cut"] is True
    assert len(str(line["message"])) > 1000


def test_waiting_calls_say_for_how_long():
    workspace = Workspace()
    workspace.run("this.sleep(1.5)\nthis.sleep_until(7)\nthis.pause()")
    assert workspace.calls == [
        ("sleep", {"seconds": 1.5}),
        ("sleep_until", {"epoch": 7}),
        ("pause_self", {}),
    ]
    assert workspace.sequences == [1, 2, 3]


@pytest.mark.parametrize("name", ["step", "task", "connect", "message"])
def test_what_does_not_exist_yet_is_an_attribute_error(name):
    end = Workspace().run(f"try:\n    this.{name}\nexcept AttributeError:\n    return True")
    assert end.output_value is True


# --- exceptions, system, resources --------------------------------------------------------------


@pytest.mark.parametrize("name", list(flow_api.exceptions.BY_NAME))
def test_answer_that_is_an_error_raises_its_class(name):
    workspace = Workspace(load=(name, "why"))
    end = workspace.run(
        f"""
        try:
            this.load()
        except flow_api.{name} as error:
            return [type(error).__name__, str(error)]
        """
    )
    assert end.output_value == [name, "why"]


def test_exceptions_form_the_documented_tree():
    assert flow_api.CloudomationException is flow_api.EngineException
    for name in ("LockTimeoutError", "DependencyTimeoutError", "MessageResponseTimeoutError"):
        assert issubclass(getattr(flow_api, name), flow_api.TimeoutExceededError)
    for error in flow_api.exceptions.BY_NAME.values():
        assert issubclass(error, flow_api.EngineException)


def test_unknown_error_is_an_internal_one():
    end = Workspace(load=("SomethingNew", "why")).run("this.load()")
    assert "InternalError: why" in end.message


def test_statuses_are_those_of_the_protocol():
    assert [each.value for each in flow_api.Status] == [each.value for each in Status]


def test_identity_comes_from_the_workspace():
    workspace = Workspace(workspace_info={"name": "plant", "env": "prod", "user": "link-7"})
    end = workspace.run(
        "return [system.get_env_name(), system.get_own_user().get('name'),"
        " system.get_own_workspace().get('name'), system.get_own_client().get('name')]"
    )
    assert end.output_value == ["prod", "link-7", "plant", "plant"]


def test_reference_asks_nothing_until_it_is_used():
    workspace = Workspace()
    workspace.run("system.setting('a'); system.flow('b'); system.file('c'); system.execution('d')")
    assert workspace.calls == []


def test_fields_in_the_factory_are_saved_at_once():
    workspace = Workspace(resource_save={"name": "s", "value": {"b": 1, "a": 2}})
    end = workspace.run("return system.setting('s', value={'b': 1, 'a': 2}).get('value')")
    assert list(end.output_value) == ["b", "a"]
    assert workspace.calls == [
        (
            "resource_save",
            {
                "kind": "setting",
                "name": "s",
                "remote_workspace_name": None,
                "fields": {"value": {"b": 1, "a": 2}},
            },
        )
    ]


def test_get_reads_once_and_load_reads_again():
    workspace = Workspace(resource_get={"name": "s", "value": 1})
    workspace.run("s = system.setting('s', remote_workspace_name='l')\ns.get('value')")
    workspace.run("s = system.setting('s')\ns.get('value')\ns.get('name')\ns.load('value')")
    assert len(workspace.calls) == 3
    assert workspace.calls[0][1]["remote_workspace_name"] == "l"


def test_existence_and_deletion():
    workspace = Workspace(resource_exists=True)
    end = workspace.run("s = system.flow('f')\ns.delete()\nreturn s.exists()")
    assert end.output_value is True
    assert [name for name, _args in workspace.calls] == ["resource_delete", "resource_exists"]


def test_execution_that_is_not_there_does_not_exist():
    workspace = Workspace(load=("ResourceNotFoundError", "no"))
    assert workspace.run("return system.execution('x').exists()").output_value is False


def test_lock_is_taken_and_given_back():
    workspace = Workspace()
    workspace.run("system.setting('s').acquire(timeout=3).release()")
    assert workspace.calls == [
        ("setting_acquire", {"name": "s", "timeout": 3}),
        ("setting_release", {"name": "s"}),
    ]


def test_iterator_reads_page_after_page():
    pages = {
        None: {"items": [{"name": "a", "value": 1}], "next": "k"},
        "k": {"items": [{"name": "b", "value": 2}], "next": None},
    }
    workspace = Workspace(resource_list=lambda args: pages[args["after"]])
    end = workspace.run(
        "return [s.get('value') for s in system.settings("
        "filter={'field': 'name', 'op': 'ne', 'value': 'z'}, remote_workspace_name='l')]"
    )
    assert end.output_value == [1, 2]
    first = workspace.calls[0][1]
    assert first["filter"] == [{"field": "name", "op": "ne", "value": "z"}]
    assert (first["kind"], first["remote_workspace_name"]) == ("setting", "l")
    assert len(workspace.calls) == 2


def test_executions_are_iterated_as_executions():
    workspace = Workspace(resource_list={"items": [view("x")], "next": None})
    assert workspace.run("return [e.id for e in system.executions()]").output_value == ["x"]


@pytest.mark.parametrize(
    ("save", "stored"),
    [
        ("save_text_content('hü')", "aMO8"),
        ("save_bytes_content(b'\\xff')", "/w=="),
        ("save_base64_content('/w==')", "/w=="),
        ("save(content='/w==', convert_binary=False)", "/w=="),
        ("save(content='hü')", "aMO8"),
        ("save(content=b'\\xff')", "/w=="),
        ("save(text='hü')", "aMO8"),
    ],
)
def test_file_is_stored_in_base64_whatever_the_form(save, stored):
    workspace = Workspace(resource_save={"name": "d/f"})
    end = workspace.run(f"system.file('d/f').{save}")
    assert end.status == "ENDED_SUCCESS", end.message
    assert args_of(workspace, "resource_save")["fields"] == {"content": stored}


def test_file_is_read_in_every_form():
    workspace = Workspace(resource_get={"name": "f", "content": "aMO8"})
    end = workspace.run(
        """
        f = system.file('f')
        raw = f.get_bytes_content() == 'hü'.encode()
        return [f.get_text_content(), raw, f.get_base64_content(), f.get('content'),
                f.get('content', convert_binary=False)]
        """
    )
    assert end.output_value == ["hü", True, "aMO8", "hü", "aMO8"]


def test_file_that_is_no_text_is_read_as_bytes_only():
    workspace = Workspace(resource_get={"name": "f", "content": "/w=="})
    end = workspace.run(
        """
        f = system.file('f')
        try:
            f.get_text_content()
        except flow_api.InvalidInputError:
            return f.get('content') == bytes([255])
        """
    )
    assert end.output_value is True
