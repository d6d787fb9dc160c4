from unidist import runthread

# Which fields of a thread's results are lines, and in what unit.
CHARTS = {
    "cpu_chart": ("cpu", ["user", "system", "waiting"], "%"),
    "requests_chart": ("requests", ["per_second"], "/s"),
}


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """The last results of a thread, as the charts of the pages want them."""
    thread, fields, unit = CHARTS[request_state["rpc"]]
    results = [run["output"] for run in reversed(runthread.Get(thread)["history"]) if run["output"]]
    return {
        "time": [round(result["read_at"]) for result in results],
        "unit": unit,
        "series": [
            {"name": field.replace("_", " "), "values": [result[field] for result in results]}
            for field in fields
        ],
    }
