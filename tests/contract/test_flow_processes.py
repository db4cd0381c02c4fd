"""Real zygotes and flow processes: how runs end, what is killed, what nobody inherits."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tieline.errors import RunnerError
from tieline.flows.frames import MAX_FRAME_BYTES, Frame, FrameError
from tieline.flows.limits import ProcessLimits
from tieline.flows.messages import End, Start, read_end, result_frame
from tieline.runner.flow_process import Exit, FlowGoneError, FlowProcess
from tieline.runner.processes import FlowProcesses

PATIENCE_SECONDS = 20
"""Longest wait for something that takes milliseconds; only a failing test ever waits it out."""

VIEW = {"id": "e1", "name": "run", "flow_name": "main", "status": "RUNNING"}


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowProcesses]:
    found = FlowProcesses(tmp_path_factory.mktemp("work"))
    yield found
    found.close()


@pytest.fixture
def own_processes(tmp_path: Path) -> Iterator[FlowProcesses]:
    found = FlowProcesses(tmp_path, spares=0)
    yield found
    found.close()


def start(flows: FlowProcesses, script: str, **options: object) -> FlowProcess:
    flow = flows.spawn()
    flow.send(Start(execution=dict(VIEW), script=textwrap.dedent(script), **options).as_frame())
    return flow


def handler(body: str) -> str:
    return "def handler(system, this):\n" + textwrap.indent(textwrap.dedent(body), "    ")


def frames_of(flow: FlowProcess) -> list[Frame]:
    """Reads to the end of the pipe, answers every call with null."""
    found = []
    while (frame := flow.receive()) is not None:
        found.append(frame)
        if frame["kind"] == "call":
            flow.send(result_frame(frame["seq"], None))
    return found


def run(flows: FlowProcesses, script: str, **options: object) -> tuple[End, list[Frame]]:
    with start(flows, script, **options) as flow:
        found = frames_of(flow)
        assert flow.wait(PATIENCE_SECONDS) == Exit(status=0)
    return read_end(found[-1]), found[:-1]


def next_line(flow: FlowProcess) -> str:
    frame = flow.receive()
    assert frame is not None
    assert frame["kind"] == "log"
    return frame["line"]["message"]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- how runs end -----------------------------------------------------------------------------


def test_flow_that_does_nothing_succeeds(processes):
    assert run(processes, handler("pass")) == (End(status="ENDED_SUCCESS"), [])


@pytest.mark.parametrize("value", [{"z": 1, "a": [None, 1.5]}, "ü😀", 0, []])
def test_output_comes_back_as_it_was(processes, value):
    end, _ = run(
        processes, "def handler(system, this, inputs):\n    return inputs", input_value=[value]
    )
    assert end.output_value == [value]


def test_error_has_its_traceback(processes):
    end, _ = run(processes, handler("1 / 0"))
    assert (end.status, end.code) == ("ENDED_ERROR", "failed")
    assert "1 / 0" in end.message
    assert "ZeroDivisionError" in end.message


def test_call_is_answered_by_its_number(processes):
    with start(processes, handler("return this.load('name')")) as flow:
        call = flow.receive()
        assert (call["kind"], call["seq"], call["name"]) == ("call", 1, "load")
        flow.send(result_frame(99, {"name": "not this one"}))
        flow.send(result_frame(1, {"name": "this one"}))
        assert read_end(flow.receive()).output_value == "this one"


def test_log_and_print_arrive_in_order_before_the_end(processes):
    _, lines = run(
        processes,
        handler(
            """
            import sys
            this.log('one', k=1)
            print('two'); print('three', 'four')
            print('five\\nsix', file=sys.stderr)
            print('no line end', end='')
            """
        ),
    )
    assert [(each["line"]["stream"], each["line"]["message"]) for each in lines] == [
        ("log", "one"),
        ("stdout", "two"),
        ("stdout", "three four"),
        ("stderr", "five"),
        ("stderr", "six"),
        ("stdout", "no line end"),
    ]


def test_log_is_live(processes):
    with start(processes, handler("print('now')\nthis.sleep(1)")) as flow:
        assert next_line(flow) == "now"
        assert flow.receive()["name"] == "sleep"


def test_endless_line_is_cut_and_marked(processes):
    _, lines = run(processes, handler("print('a' * 300_000)\nprint('b')"))
    assert lines[0]["line"]["is_cut"] is True
    assert len(lines[0]["line"]["message"]) < 64 * 1024
    assert lines[1]["line"]["message"] == "b"


def test_frame_of_megabytes_goes_both_ways(processes):
    text = "x" * 3_000_000
    script = "def handler(system, this, inputs):\n    return inputs"
    end, _ = run(processes, script, input_value=text)
    assert end.output_value == text


def test_output_over_the_cap_is_an_error(processes):
    end, _ = run(processes, handler(f"return 'x' * {MAX_FRAME_BYTES}"))
    assert end.status == "ENDED_ERROR"
    assert "output cannot be kept" in end.message


def test_call_over_the_cap_is_an_exception_in_the_script(processes):
    end, _ = run(
        processes,
        handler(
            f"""
            import flow_api
            try:
                this.save(message='x' * {MAX_FRAME_BYTES})
            except flow_api.InvalidInputError:
                return 'caught'
            """
        ),
    )
    assert end.output_value == "caught"


def test_threads_of_a_script_may_log(processes):
    end, lines = run(
        processes,
        handler(
            """
            import threading
            threads = [threading.Thread(target=this.log, args=(n,)) for n in range(8)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            """
        ),
    )
    assert end.status == "ENDED_SUCCESS"
    assert sorted(each["line"]["message"] for each in lines) == [str(n) for n in range(8)]


def test_empty_working_directory_is_gone_before_the_flow_is(processes):
    end, _ = run(processes, handler("import os\nreturn os.getcwd()"))
    assert not Path(end.output_value).exists()


def test_process_that_a_script_forks_cannot_speak_for_it(processes):
    end, lines = run(
        processes,
        handler(
            """
            import os
            pid = os.fork()
            if pid == 0:
                print('from the fork')
                return 'fork'
            os.waitpid(pid, 0)
            return 'flow'
            """
        ),
    )
    assert (end.output_value, lines) == ("flow", [])


def test_script_that_leaves_at_once_sends_no_end(processes):
    with start(processes, handler("import os\nos._exit(7)")) as flow:
        assert flow.receive() is None
        assert flow.wait(PATIENCE_SECONDS) == Exit(status=7)


# --- limits -----------------------------------------------------------------------------------


def test_memory_hog_gets_a_memory_error(processes):
    limits = ProcessLimits(memory_bytes=200 * 1024 * 1024)
    end, _ = run(
        processes,
        handler("kept = []\nwhile True:\n    kept.append(bytearray(10**7))"),
        limits=limits,
    )
    assert end.status == "ENDED_ERROR"
    assert "MemoryError" in end.message


def test_endless_loop_ends_at_its_processor_time(processes):
    script = handler("while True:\n    pass")
    with start(processes, script, limits=ProcessLimits(cpu_seconds=1)) as flow:
        assert flow.receive() is None
        assert flow.wait(PATIENCE_SECONDS) == Exit(signal=signal.SIGXCPU)


def test_open_files_are_limited(processes):
    end, _ = run(
        processes,
        handler("import os\nopened = [os.open('/', os.O_RDONLY) for _ in range(100)]"),
        limits=ProcessLimits(open_files=50),
    )
    assert "Too many open files" in end.message


def test_files_are_limited_in_size(processes):
    end, _ = run(
        processes,
        handler("f = open('f', 'wb', buffering=0)\nf.write(bytes(10))\nf.write(b'1')"),
        limits=ProcessLimits(file_bytes=10),
    )
    assert "File too large" in end.message


def test_working_directory_is_the_flows_own_and_goes_with_it(own_processes, tmp_path):
    script = handler("import os\nopen('f', 'w').close()\nos.mkdir('d')\nreturn os.getcwd()")
    first, _ = run(own_processes, script)
    second, _ = run(own_processes, script)
    assert first.output_value != second.output_value
    assert Path(first.output_value).is_relative_to(tmp_path)
    own_processes.close()
    assert list(tmp_path.iterdir()) == []


# --- cancel and kill --------------------------------------------------------------------------

CLEANS_UP = handler(
    """
    try:
        print('ready')
        {waiting}
    finally:
        print('cleaned')
        this.load()
    """
)


@pytest.mark.parametrize(
    "waiting",
    [
        "this.sleep(1000)",
        "while True: pass",
        "import time; time.sleep(1000)",
        "input_never_comes()",
    ],
)
def test_cancel_runs_the_finally_blocks_and_their_calls(processes, waiting):
    script = CLEANS_UP.format(waiting=waiting)
    script += "\ndef input_never_comes():\n    import threading\n    threading.Event().wait()\n"
    with start(processes, script) as flow:
        assert next_line(flow) == "ready"
        if waiting.startswith("this"):
            assert flow.receive()["name"] == "sleep"
        flow.terminate()
        assert next_line(flow) == "cleaned"
        call = flow.receive()
        assert call["name"] == "load"
        flow.send(result_frame(call["seq"], {"id": "e1"}))
        assert read_end(flow.receive()).status == "ENDED_CANCELLED"
        assert flow.wait(PATIENCE_SECONDS) == Exit(status=0)


def test_swallowed_cancel_ends_the_run_at_the_next_call(processes):
    script = handler(
        """
        try:
            print('ready')
            while True: pass
        except BaseException:
            pass
        this.load()
        """
    )
    with start(processes, script) as flow:
        assert next_line(flow) == "ready"
        flow.terminate()
        assert read_end(flow.receive()).status == "ENDED_CANCELLED"


def test_cancel_before_the_start_frame_is_not_lost(processes):
    with processes.spawn() as flow:
        flow.terminate()
        flow.send(Start(execution=dict(VIEW), script=handler("this.load()")).as_frame())
        last = None
        # The call may come first: signals and frames travel on different ways.
        while (frame := flow.receive()) is not None:
            last = frame
        assert read_end(last).status == "ENDED_CANCELLED"


def test_second_cancel_does_not_disturb_the_clean_up(processes):
    script = handler(
        """
        try:
            print('ready')
            while True: pass
        finally:
            print('cleaning')
            this.load()
            print('cleaned')
        """
    )
    with start(processes, script) as flow:
        assert next_line(flow) == "ready"
        flow.terminate()
        assert next_line(flow) == "cleaning"
        call = flow.receive()
        flow.terminate()
        flow.send(result_frame(call["seq"], {"id": "e1"}))
        assert next_line(flow) == "cleaned"


def test_flow_that_ignores_cancel_is_killed(processes):
    script = handler(
        """
        import signal
        signal.signal(signal.SIGTERM, lambda *_: print('no'))
        print('ready')
        while True: pass
        """
    )
    with start(processes, script) as flow:
        assert next_line(flow) == "ready"
        flow.terminate()
        assert next_line(flow) == "no"
        flow.kill()
        assert flow.receive() is None
        assert flow.wait(PATIENCE_SECONDS) == Exit(signal=signal.SIGKILL)
        assert flow.is_gone


def test_wait_gives_nothing_while_the_flow_lives(processes):
    with processes.spawn() as flow:
        assert flow.wait(0) is None
        assert not flow.is_gone


@pytest.mark.parametrize("leaves", ["", "os.setsid()"])
def test_everything_a_flow_started_is_gone_before_the_flow_is(processes, leaves):
    script = handler(
        f"""
        import os, signal
        readable, writable = os.pipe()
        if os.fork() == 0:
            {leaves or "pass"}
            child = os.getpid()
            grandchild = os.fork()
            if grandchild == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.write(writable, f'{{child}} {{os.getpid()}}'.encode())
            while True: signal.pause()
        return [int(each) for each in os.read(readable, 100).split()]
        """
    )
    end, _ = run(processes, script)
    assert len(end.output_value) == 2
    assert not any(is_alive(pid) for pid in end.output_value)


def test_orphans_of_one_flow_do_not_touch_another(processes):
    with start(processes, handler("print('ready')\nthis.load()")) as other:
        assert next_line(other) == "ready"
        run(processes, handler("import subprocess\nsubprocess.Popen(['sleep', '1000'])"))
        call = other.receive()
        other.send(result_frame(call["seq"], {"id": "e1"}))
        assert read_end(other.receive()).status == "ENDED_SUCCESS"


def test_closing_kills_what_runs_and_may_be_repeated(processes):
    flow = start(processes, handler("this.load()"))
    flow.close()
    flow.close()
    assert flow.wait(PATIENCE_SECONDS) is not None
    assert flow.receive() is None
    with pytest.raises(FlowGoneError):
        flow.send({"kind": "x"})


@pytest.mark.parametrize(
    "data", ["b'\\x7f\\xff\\xff\\xff'", "b'\\x00\\x00\\x00\\x02[]'", "b'\\x00\\x00\\x00\\x04{'"]
)
def test_what_is_no_frame_is_an_error_here_and_not_more(processes, data):
    script = handler(f"import os\nos.write(3, {data})\nos._exit(0)")
    with start(processes, script) as flow, pytest.raises(FrameError):
        flow.receive()
    assert run(processes, handler("pass"))[0].status == "ENDED_SUCCESS"


# --- what nobody inherits ---------------------------------------------------------------------


def test_flow_has_no_environment_descriptor_or_argument_of_the_workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("TIELINE_PRIVATE_KEY_FILE", "/keys/secret-path.pem")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-value")
    work, store = tmp_path / "work", tmp_path / "secret-store.db"
    work.mkdir()
    with store.open("w") as lock:
        flows = FlowProcesses(work, hold_fds=[lock.fileno()])
        end, _ = run(
            flows,
            handler(
                """
                import os, sys
                zygote = os.getppid()
                read = lambda name: open(f'/proc/{name}', 'rb').read().decode()
                links = []
                for fd in os.listdir('/proc/self/fd'):
                    try:
                        links.append(os.readlink(f'/proc/self/fd/{fd}'))
                    except FileNotFoundError:
                        pass  # the descriptor of the listing itself
                return {
                    'names': sorted(os.environ),
                    'links': sorted(links),
                    'text': read('self/environ') + read('self/cmdline') + str(sys.argv)
                    + read(f'{zygote}/environ') + read(f'{zygote}/cmdline'),
                }
                """
            ),
        )
        flows.close()
    seen = end.output_value
    assert set(seen["names"]) <= {"PATH", "LANG", "LC_ALL", "TZ"}
    assert "secret" not in seen["text"]
    assert [each.split(":")[0] for each in seen["links"]] == ["/dev/null"] * 3 + ["socket"]


def test_flow_process_loads_no_pydantic_and_no_cryptography(processes):
    script = "import sys\n" + handler("return sorted(sys.modules)")
    end, _ = run(processes, script)
    loaded = {each.split(".")[0] for each in end.output_value}
    assert "flow_api" in loaded
    assert not loaded & {"pydantic", "pydantic_core", "cryptography", "sqlite3", "ssl", "threading"}


# --- the zygote -------------------------------------------------------------------------------


def test_zygote_starts_when_first_needed(own_processes):
    assert own_processes.zygote_pid is None
    assert run(own_processes, handler("pass"))[0].status == "ENDED_SUCCESS"
    assert own_processes.zygote_pid is not None


def test_death_of_the_zygote_ends_its_flows_and_the_next_spawn_has_a_new_one(own_processes):
    script = handler(
        """
        import os, subprocess
        print(os.getpid(), subprocess.Popen(['sleep', '1000']).pid)
        this.load()
        """
    )
    with start(own_processes, script) as flow:
        exits = [os.pidfd_open(int(each)) for each in next_line(flow).split()]
        first = own_processes.zygote_pid
        os.kill(first, signal.SIGKILL)
        assert flow.wait(PATIENCE_SECONDS) == Exit()
    for pidfd in exits:
        assert select.select([pidfd], [], [], PATIENCE_SECONDS)[0] == [pidfd]
        os.close(pidfd)
    assert run(own_processes, handler("pass"))[0].status == "ENDED_SUCCESS"
    assert own_processes.zygote_pid != first


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_zygote_outlives_signals_meant_for_the_workspace(own_processes, number):
    own_processes.open()
    os.kill(own_processes.zygote_pid, number)
    assert run(own_processes, handler("pass"))[0].status == "ENDED_SUCCESS"


def test_closing_ends_flows_and_leaves_no_files(tmp_path):
    flows = FlowProcesses(tmp_path)
    with start(flows, handler("import os\nprint(os.getpid())\nthis.load()")) as flow:
        pid = int(next_line(flow))
        flows.close()
        assert flow.is_gone
    assert not is_alive(pid)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunnerError, match="closed"):
        flows.spawn()


def test_open_removes_what_a_killed_workspace_left(tmp_path):
    (tmp_path / "flows-left" / "1").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    flows = FlowProcesses(tmp_path)
    flows.open()
    flows.close()
    assert [each.name for each in tmp_path.iterdir()] == ["other"]


WORKSPACE = """
import fcntl, sys
from pathlib import Path
from tieline.flows.messages import Start
from tieline.runner.processes import FlowProcesses

lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
flows = FlowProcesses(Path(sys.argv[2]), hold_fds=[lock.fileno()])
flow = flows.spawn()
flow.send(Start(execution={"id": "e"}, script=sys.argv[3]).as_frame())
print(flow.receive()["line"]["message"], flush=True)
sys.stdin.read()
"""


def test_no_flow_outlives_a_killed_workspace_as_its_lock_shows(tmp_path):
    script = handler(
        """
        import os, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        readable, writable = os.pipe()
        if os.fork() == 0:
            os.setsid()
            os.write(writable, str(os.getpid()).encode())
            while True: signal.pause()
        print(os.getpid(), os.read(readable, 99).decode())
        while True: signal.pause()
        """
    )
    work = tmp_path / "work"
    work.mkdir()
    lock = tmp_path / "lock"
    arguments = [sys.executable, "-c", WORKSPACE, str(lock), str(work), script]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as workspace:
        pids = [int(each) for each in workspace.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_alive(pid) for pid in pids)
        workspace.kill()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not any(is_alive(pid) for pid in pids)
    assert list(work.iterdir()) == []


def test_many_flows_at_once(processes):
    flows = [start(processes, handler("return this.get('id')")) for _ in range(40)]
    for flow in flows:
        with flow:
            assert read_end(frames_of(flow)[-1]).output_value == "e1"
            assert flow.wait(PATIENCE_SECONDS) == Exit(status=0)
