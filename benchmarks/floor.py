"""The floor: what a remote no-op flow costs with no signature, no store and no product.

One process hands out jobs by HTTP long poll; another polls, forks a warm child that does nothing,
and posts the result. Everything is kept in memory. The standard library only.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import queue
import socket
import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

POLL_SECONDS = 25.0
BATCH = 100


class _Server(ThreadingHTTPServer):
    """Jobs in, results out; the long poll waits on a queue."""

    daemon_threads = True

    def __init__(self) -> None:
        self.jobs: queue.Queue[int] = queue.Queue()
        self.results: queue.Queue[int] = queue.Queue()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Turns Nagle's algorithm off for every connection."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().server_bind()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for done in body["done"]:
            self.server.results.put(done)
        jobs = [] if self.path == "/done" else self._wait()
        reply = json.dumps(jobs).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
        self.wfile.flush()

    def _wait(self) -> list[int]:
        try:
            jobs = [self.server.jobs.get(timeout=POLL_SECONDS)]
        except queue.Empty:
            return []
        while len(jobs) < BATCH:
            try:
                jobs.append(self.server.jobs.get_nowait())
            except queue.Empty:
                break
        return jobs

    def log_message(self, *args: object) -> None:
        """Says nothing."""


def _post(connection: http.client.HTTPConnection, path: str, done: list[int]) -> list[int]:
    connection.request("POST", path, json.dumps({"done": done}))
    jobs: list[int] = json.loads(connection.getresponse().read())
    return jobs


def _agent(port: int) -> None:
    """Polls for jobs and forks for each; the results of one poll travel together."""
    poll = http.client.HTTPConnection("127.0.0.1", port)
    push = http.client.HTTPConnection("127.0.0.1", port)
    while True:
        jobs = _post(poll, "/poll", [])
        running: list[tuple[int, int, int]] = []
        for job in jobs:
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writer, b"x")
                os._exit(0)
            os.close(writer)
            running.append((job, child, reader))
        done = []
        for job, child, reader in running:
            os.read(reader, 1)
            os.close(reader)
            os.waitpid(child, 0)
            done.append(job)
        if done:
            _post(push, "/done", done)


def _serve(orders: Connection) -> None:
    server = _Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    orders.send(server.server_address[1])
    while True:
        count = orders.recv()
        if not count:
            return
        begun = time.perf_counter()
        for number in range(count):
            server.jobs.put(number)
        for _ in range(count):
            server.results.get()
        orders.send(time.perf_counter() - begun)


def measure_floor(singles: int, burst: int) -> dict[str, float]:
    """Gives p50 and p95 in milliseconds over `singles` jobs, and jobs/s of one burst."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    agent = context.Process(target=_agent, args=(ours.recv(),), daemon=True)
    agent.start()
    try:
        times = []
        for _ in range(singles + 5):
            ours.send(1)
            times.append(ours.recv() * 1000)
        ours.send(burst)
        rate = burst / ours.recv()
    finally:
        agent.kill()
        ours.send(0)
        server.join(5)
    spread = statistics.quantiles(times[5:], n=20)
    return {"p50_ms": statistics.median(times[5:]), "p95_ms": spread[18], "burst_per_s": rate}


if __name__ == "__main__":
    print(json.dumps(measure_floor(100, 200)))
