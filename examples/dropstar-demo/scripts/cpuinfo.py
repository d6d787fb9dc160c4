# Worth a row, in this order; the rest of /proc/cpuinfo is for compilers.
ROWS = [
    ("model name", "Model"),
    ("vendor_id", "Vendor"),
    ("cpu MHz", "Clock, MHz"),
    ("cache size", "Cache"),
    ("physical id", "Socket"),
    ("core id", "Core"),
    ("cpu cores", "Cores of the socket"),
    ("siblings", "Threads of the socket"),
    ("microcode", "Microcode"),
    ("bogomips", "BogoMIPS"),
    ("address sizes", "Address sizes"),
    ("BogoMIPS", "BogoMIPS"),
    ("CPU implementer", "Implementer"),
    ("CPU part", "Part"),
]


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """Makes a table of what `cat /proc/cpuinfo` printed, a column for each processor."""
    # Left there, it would be the whole page.
    text = pipe_data.pop("output", "")
    processors = []
    for paragraph in text.strip().split("\n\n"):
        lines = (line.split(":", 1) for line in paragraph.splitlines() if ":" in line)
        processors.append({key.strip(): value.strip() for key, value in lines})
    processors = [processor for processor in processors if "processor" in processor]
    rows = []
    for key, title in ROWS:
        values = [processor.get(key, "") for processor in processors]
        if any(values):
            rows.append({"title": title, "values": values})
    flags = processors[0].get("flags", processors[0].get("Features", "")) if processors else ""
    return {
        "processors": [processor["processor"] for processor in processors],
        "rows": rows,
        "flags": sorted(flags.split()),
    }
