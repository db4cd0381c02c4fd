"""Every call of the flow API, made by a real flow process to a real workspace on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from system.flow_host import FlowHost, flow_host
from tieline.protocol.states import Status, StatusCode


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowHost]:
    directory: Path = tmp_path_factory.mktemp("flow-calls") / "data"
    with flow_host(directory) as running:
        running.add_flow(
            "double", "def handler(system, this, inputs):\n    return inputs['n'] * 2\n"
        )
        running.add_flow("fails", "def handler(system, this):\n    this.error('no luck')\n")
        running.add_flow(
            "waits",
            "def handler(system, this, inputs):\n"
            "    system.setting(inputs['lock']).acquire()\n"
            "    return 'got it'\n",
        )
        yield running


def test_return_value_is_the_output(here: FlowHost) -> None:
    assert here.output(
        "def handler(system, this, inputs): return inputs", {"b": 1, "a": [None]}
    ) == {
        "b": 1,
        "a": [None],
    }


def test_key_order_of_input_and_output_is_kept(here: FlowHost) -> None:
    found = here.output(
        "def handler(system, this, inputs): return inputs", {"z": 1, "a": 2, "m": 3}
    )
    assert list(found) == ["z", "a", "m"]


def test_success_and_error_end_the_run_with_their_message(here: FlowHost) -> None:
    done = here.run("def handler(system, this):\n    this.success('all well')\n    1 / 0\n")
    assert (done.run.status, done.run.message) == (Status.ENDED_SUCCESS, "all well")
    failed = here.run("def handler(system, this):\n    this.error('no luck')\n")
    assert (failed.run.status, failed.run.message) == (Status.ENDED_ERROR, "no luck")
    assert failed.run.status_code == StatusCode.FAILED


def test_unhandled_exception_is_an_error_with_its_traceback(here: FlowHost) -> None:
    failed = here.run("def handler(system, this):\n    return 1 / 0\n")
    assert failed.run.status == Status.ENDED_ERROR
    assert "ZeroDivisionError" in (failed.run.message or "")
    assert "return 1 / 0" in (failed.run.message or "")


def test_output_that_is_not_json_names_its_path(here: FlowHost) -> None:
    failed = here.run("def handler(system, this):\n    return {'rows': [{'at': object()}]}\n")
    assert failed.run.status == Status.ENDED_ERROR
    assert "rows[0].at" in (failed.run.message or "")


def test_output_over_the_cap_is_an_error_that_says_the_cap(here: FlowHost) -> None:
    failed = here.run("def handler(system, this):\n    return 'x' * 300_000\n")
    assert failed.run.status == Status.ENDED_ERROR
    assert "262144 are allowed" in (failed.run.message or "")


def test_child_runs_and_gives_its_output(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            child = this.flow("double", n=21)
            return child.get("output_value"), child.get("status", "flow_name")
    """
    assert here.output(script) == [42, ["ENDED_SUCCESS", "double"]]


def test_failing_child_raises_dependency_failed(here: FlowHost) -> None:
    script = """
        import flow_api
        def handler(system, this):
            try:
                this.flow("fails")
            except flow_api.DependencyFailedError as error:
                return str(error), error.execution.get("status")
    """
    message, status = here.output(script)
    assert "no luck" in message
    assert status == "ENDED_ERROR"


def test_unknown_flow_raises_resource_not_found_at_the_call(here: FlowHost) -> None:
    script = """
        import flow_api
        def handler(system, this):
            try:
                this.flow("nowhere")
            except flow_api.ResourceNotFoundError as error:
                return str(error)
    """
    assert here.output(script) == "flow 'nowhere' does not exist in workspace 'here'"


def test_unknown_link_raises_at_the_call(here: FlowHost) -> None:
    script = """
        import flow_api
        def handler(system, this):
            try:
                this.flow("double", n=1, remote_workspace_name="nowhere")
            except flow_api.ResourceNotFoundError as error:
                return str(error)
    """
    assert "no sync config has that name" in here.output(script)


def test_unwaited_children_run_beside_each_other(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            children = [this.flow("double", n=n, wait=False) for n in range(20)]
            this.wait_for(*children)
            return [child.get("output_value") for child in children]
    """
    assert here.output(script) == [2 * n for n in range(20)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ALL_ENDED", 2),
        ("FIRST_ENDED", "some"),
        ("FIRST_SUCCEEDED", "some"),
        ("ALL_SUCCEEDED", "DependencyFailedError"),
    ],
)
def test_wait_for_in_every_mode(here: FlowHost, mode: str, expected: object) -> None:
    script = """
        import flow_api
        def handler(system, this, inputs):
            good, bad = this.flow("double", n=1, wait=False), this.flow("fails", wait=False)
            try:
                ended = this.wait_for(good, bad, return_when=inputs["mode"])
            except flow_api.DependencyFailedError:
                return "DependencyFailedError"
            return len(ended) if inputs["mode"] == "ALL_ENDED" else "some" if ended else "none"
    """
    assert here.output(script, {"mode": mode}) == expected


def test_wait_that_takes_too_long_raises_dependency_timeout(here: FlowHost) -> None:
    script = """
        import flow_api
        def handler(system, this):
            lock = system.setting("held-1")
            lock.acquire()
            child = this.flow("waits", lock="held-1", wait=False)
            try:
                child.wait(timeout=0.05)
            except flow_api.DependencyTimeoutError:
                lock.release()
                return child.wait().get("output_value")
    """
    assert here.output(script) == "got it"


def test_held_child_runs_when_told(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            child = this.flow("double", n=4, run=False)
            before = child.load("status")
            child.run()
            child.run()
            return before, child.get("output_value")
    """
    assert here.output(script) == ["PENDING", 8]


def test_clone_runs_with_other_inputs(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            return this.flow("double", n=4).clone(n=5).get("output_value")
    """
    assert here.output(script) == 10


def test_script_child_runs_inline_text(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            text = "def handler(system, this, inputs):\\n    return inputs['x'] + 1\\n"
            return this.script(text, x=1).get("output_value")
    """
    assert here.output(script) == 2


def test_cancelled_child_is_gone_before_it_is_cancelled(here: FlowHost) -> None:
    here.add_flow("endless", "def handler(system, this):\n    while True:\n        pass\n")
    script = """
        def handler(system, this):
            child = this.flow("endless", wait=False)
            while child.load("status") == "PENDING":
                this.sleep(0.01)
            child.cancel()
            return child.wait(return_when=system.return_when.ALL_ENDED).get("status")
    """
    assert here.output(script) == "ENDED_CANCELLED"


def test_cancel_takes_waiting_children_with_it(here: FlowHost) -> None:
    here.output("def handler(system, this): system.setting('held-2').acquire()")
    parent = here.start("def handler(system, this):\n    this.flow('waits', lock='held-2')\n")
    child = _first_child(here, parent)
    here.until(child, Status.RUNNING)
    here.cancel(parent)
    assert here.until(parent).run.status == Status.ENDED_CANCELLED
    assert here.until(child).run.status == Status.ENDED_CANCELLED


def _first_child(here: FlowHost, parent: str) -> str:
    watch = here.host.changes.watch([parent])
    try:
        while True:
            rows = here.workspace.store.children("execution", parent)
            if rows:
                return rows[0].id
            watch.wait(0.05)
    finally:
        watch.close()


def test_cancel_runs_the_finally_blocks(here: FlowHost) -> None:
    execution = here.start(
        """
        def handler(system, this):
            try:
                this.log("ready")
                this.sleep(60)
            finally:
                system.setting("cleaned-up", value=True)
        """
    )
    watch = here.host.changes.watch([execution])
    while "ready" not in here.log(execution):
        watch.wait(1)
    watch.close()
    here.cancel(execution)
    assert here.until(execution).run.status == Status.ENDED_CANCELLED
    assert here.output("def handler(s, this): return s.setting('cleaned-up').get('value')") is True


def test_pause_holds_the_run_at_its_next_call_and_resume_lets_it_go(here: FlowHost) -> None:
    here.output("def handler(system, this): system.setting('held-3').acquire()")
    execution = here.start(
        """
        def handler(system, this):
            this.pause()
            return "resumed"
        """
    )
    here.until(execution, Status.PAUSED)
    here.output(
        "def handler(system, this, inputs): system.execution(inputs['id']).run()",
        {"id": execution},
    )
    assert here.until(execution).run.output_value == "resumed"


def test_maximum_runtime_ends_as_timeout(here: FlowHost) -> None:
    ended = here.run(
        "def handler(system, this):\n    while True:\n        pass\n", max_runtime_seconds=0.3
    )
    assert (ended.run.status, ended.run.status_code) == (Status.ENDED_ERROR, StatusCode.TIMEOUT)
    assert "0.3 seconds" in (ended.run.message or "")


def test_process_that_dies_ends_as_crashed(here: FlowHost) -> None:
    ended = here.run("import os\ndef handler(system, this):\n    os.kill(os.getpid(), 9)\n")
    assert (ended.run.status, ended.run.status_code) == (Status.ENDED_ERROR, StatusCode.CRASHED)
    assert "SIGKILL" in (ended.run.message or "")


def test_log_lines_and_print_are_in_the_log_in_order(here: FlowHost) -> None:
    execution = here.start(
        """
        def handler(system, this):
            this.log("first", number=1)
            print("second")
            this.log({"third": [1, 2]})
        """
    )
    here.until(execution)
    lines = here.log(execution).splitlines()
    assert len(lines) == 3
    assert "first" in lines[0]
    assert "second" in lines[1]
    assert "third" in lines[2]


def test_set_output_in_three_forms_and_save(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            this.set_output({"a": 1})
            this.set_output("b", 2)
            this.set_output(c=3)
            this.save(message="done", name="renamed")
    """
    ended = here.run(script)
    assert ended.run.output_value == {"a": 1, "b": 2, "c": 3}
    assert (ended.run.message, ended.run.name) == ("done", "renamed")


def test_settings_are_created_read_listed_and_deleted(here: FlowHost) -> None:
    script = """
        import flow_api
        def handler(system, this):
            system.setting("conf-a", value={"x": 1})
            system.setting("conf-b").save(value=[2])
            values = {
                setting.name: setting.get("value")
                for setting in system.settings(
                    filter={"field": "name", "op": "starts_with", "value": "conf-"}
                )
            }
            system.setting("conf-a").delete()
            try:
                system.setting("conf-a").get("value")
            except flow_api.ResourceNotFoundError as error:
                return values, system.setting("conf-a").exists(), str(error)
    """
    values, exists, message = here.output(script)
    assert values == {"conf-a": {"x": 1}, "conf-b": [2]}
    assert exists is False
    assert "conf-a" in message


def test_lock_is_held_by_one_at_a_time_and_times_out(here: FlowHost) -> None:
    script = """
        import flow_api
        def handler(system, this):
            lock = system.setting("lock-4").acquire()
            taker = this.flow("waits", lock="lock-4", wait=False)
            inner = this.script(
                "import flow_api\\n"
                "def handler(system, this):\\n"
                "    try:\\n"
                "        system.setting('lock-4').acquire(timeout=0.05)\\n"
                "    except flow_api.LockTimeoutError:\\n"
                "        return 'timed out'\\n"
            )
            lock.release()
            return inner.get("output_value"), taker.wait().get("output_value")
    """
    assert here.output(script) == ["timed out", "got it"]


def test_files_in_all_their_forms(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            file = system.file("reports/a.txt")
            file.save_text_content("héllo")
            data = file.get_bytes_content().hex()
            text = file.get_text_content(), data, file.get_base64_content()
            file.save_bytes_content(b"\\x00\\xff")
            return text, file.get_bytes_content().hex(), [each.name for each in system.files()]
    """
    text, data, names = here.output(script)
    assert text == ["héllo", "68c3a96c6c6f", "aMOpbGxv"]
    assert data == "00ff"
    assert "reports/a.txt" in names


def test_executions_are_iterated_with_a_filter(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            child = this.flow("double", n=1)
            found = system.executions(
                filter=[
                    {"field": "flow_name", "op": "eq", "value": "double"},
                    {"field": "parent_execution_id", "op": "eq", "value": this.id},
                ]
            )
            return [each.id for each in found] == [child.id]
    """
    assert here.output(script) is True


def test_sleep_takes_its_time(here: FlowHost) -> None:
    script = """
        import time
        def handler(system, this):
            begun = time.monotonic()
            this.sleep(0.2)
            this.sleep_until(time.time() - 5)
            return 0.2 <= time.monotonic() - begun < 5
    """
    assert here.output(script) is True


def test_workspace_tells_its_name(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            return system.get_env_name(), system.get_own_workspace().get("name")
    """
    assert here.output(script) == ["here", "here"]


def test_many_flows_at_once_all_end(here: FlowHost) -> None:
    started = [here.start("def handler(system, this): return 1") for _ in range(60)]
    assert all(here.until(each).run.status == Status.ENDED_SUCCESS for each in started)


def test_child_is_found_by_its_flows_id_too(here: FlowHost) -> None:
    script = """
        def handler(system, this):
            flow_id = system.flow("double").get("id")
            return this.flow(flow_id, n=3).get("output_value", "flow_name")
    """
    assert here.output(script) == [6, "double"]
