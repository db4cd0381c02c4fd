"""Flow processes: a warm zygote that forks them, and what runs inside one.

`processes.FlowProcesses` is the workspace's side; `zygote` and everything it imports is loaded
into flow processes and stays free of pydantic, threads and secrets.
"""
