"""The flows of the demo, as an author would write them."""

INSPECT = """\
def handler(system, this, inputs):
    host = inputs["host"]
    for step in ("disk", "memory", "services"):
        this.log(f"{host}: looking at {step}")
        this.sleep(0.4)
    return {"host": host, "is_healthy": True, "workspace": system.get_env_name()}
"""

ASK_ON_PREM = """\
def handler(system, this, inputs):
    child = this.flow("inspect_machine", remote_workspace_name="on-prem", host=inputs["host"])
    return {"answer": child.get("output_value")}
"""

REPORT = """\
def handler(system, this, inputs):
    for part in ("orders", "stock", "staff"):
        this.log(f"{inputs['shift']} shift: adding {part}")
        this.sleep(0.4)
    return {"shift": inputs["shift"], "pages": 3, "workspace": system.get_env_name()}
"""

ASK_CLOUD = """\
def handler(system, this, inputs):
    child = this.flow("make_report", remote_workspace_name="cloud", shift=inputs["shift"])
    return {"answer": child.get("output_value")}
"""
